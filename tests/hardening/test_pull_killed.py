"""kill -9 at every system call of a pull that changes a file: the store stays whole, and the next pull succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import layout
import pytest
from commands import Commands
from images import Image, Layer, image
from registry import DockerRegistry
from tars import Tar

CHANGES = "rename,renameat2,fsync,mkdir,rmdir,unlink,ftruncate,mknodat,symlinkat,linkat,fchown,syncfs"


@pytest.fixture
def small(registry: DockerRegistry) -> str:
    """An image with one of each, so that the sweep has few points and leaves none out."""
    lower = Tar().dir("d").file("d/file", b"content").symlink("link", "d").bytes()
    upper = Tar().link("hard", "d/file").char("null", 1, 3).whiteout("link").bytes()
    image([Layer(lower), Layer(upper)]).push(registry.address, "killed/small", "latest")
    return f"{registry.address}/killed/small:latest"


@pytest.fixture
def reference(registry: DockerRegistry, busybox_image: Image) -> str:
    busybox_image.push(registry.address, "killed/busybox", "latest")
    return f"{registry.address}/killed/busybox:latest"


def test_at_every_change_of_the_file_system(run: Commands, small: str, tmp_path: Path) -> None:
    points = 0
    while True:
        root = tmp_path / f"store-{points}"
        inject = f"inject={CHANGES}:signal=SIGKILL:when={points + 1}"
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={CHANGES}", "-e", inject]
        command += [str(run.bin / "img-pull"), "--root", str(root), "--jobs", "1", small]
        killed = subprocess.run(command, env=run.env, capture_output=True, timeout=120, check=False)
        assert layout.problems(root) == [], f"after point {points}"
        if killed.returncode == 0:
            break
        assert killed.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), killed.stderr
        points += 1
        assert run("img-pull", "--root", root, small).documents[0]["digest"]
        assert layout.problems(root) == []
        assert layout.unfinished(root / "partial") == []  # what else is left has a temporary name: garbage, no harm
        subprocess.run(["rm", "-rf", str(root)], check=True)
    print(f"{points} points tried")
    assert points > 12


@pytest.mark.parametrize("milliseconds", [60, 120, 180, 240, 300, 400])
def test_after_some_time(run: Commands, store_root: Path, reference: str, milliseconds: int) -> None:
    process = subprocess.Popen(
        [str(run.bin / "img-pull"), reference], env=run.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(milliseconds / 1000)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert layout.problems(store_root) == []
    run("img-pull", reference)
    assert layout.problems(store_root) == []


def test_eight_pulls_at_once_share_the_work(run: Commands, store_root: Path, reference: str) -> None:
    pulls = [
        subprocess.Popen([str(run.bin / "img-pull"), reference], env=run.env, stdout=subprocess.PIPE) for _ in range(8)
    ]
    outputs = {pull.communicate(timeout=120)[0] for pull in pulls}
    assert [pull.returncode for pull in pulls] == [0] * 8
    assert len(outputs) == 1
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []
