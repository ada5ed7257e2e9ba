"""A host that doesn't help: full disks, missing rights, missing parts. One line each, and the store as before."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import archives
import layout
import pytest
from commands import Commands
from images import Image, Layer, image
from killing import Kills
from registry import DockerRegistry
from tars import Tar


def message(err: bytes) -> str:
    (line,) = err.decode().splitlines()
    return str(json.loads(line)["errors"][0]["message"])


@pytest.fixture
def reference(registry: DockerRegistry, busybox_image: Image) -> str:
    busybox_image.push(registry.address, "world/busybox", "latest")
    return f"{registry.address}/world/busybox:latest"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("kilobytes", [16, 64, 300, 1100, 1500, 2000, 2500])
def test_a_full_disk_at_any_point_of_a_pull(run: Commands, reference: str, small_disk: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "disk", str(small_disk)], check=True)
    root = small_disk / "store"
    done = run("img-pull", "--root", root, reference, status=1)
    said = message(done.err)
    assert "no space left on device" in said
    assert "(" in said, "the way out is missing"
    assert layout.problems(root) == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    run("img-pull", "--root", root, reference)
    assert layout.problems(root) == []


LOWER = Tar().dir("d").file("d/file", b"content").symlink("link", "d").bytes()
UPPER = Tar().link("hard", "d/file").char("null", 1, 3).whiteout("link").bytes()
ONE, OTHER = image([Layer(LOWER), Layer(UPPER)]), image([Layer(LOWER)])


@pytest.mark.parametrize("argv", [
    ["img-load", "--jobs", "1", "-i", "a.tar"],
    ["img-tag", "localhost/other:1", "localhost/new:1"],
    ["img-rm", "localhost/other:2"],
], ids=["load", "tag", "rm"])  # fmt: skip
def test_no_room_for_just_one_step(
    run: Commands, kills: Kills, store_root: Path, tmp_path: Path, argv: list[str]
) -> None:
    """Whatever takes room fails in turn, and the rest would not: what was begun is taken back. Without --every-point,
    every second step of a load, which has many."""
    archives.write(tmp_path / "a.tar", archives.tar(archives.oci_files((ONE, "localhost/one:1"))))
    for name in ("localhost/other:1", "localhost/other:2"):
        OTHER.into_store(store_root, name)
        run("img-pull", "--policy", "missing", name)
    root = tmp_path / "copy"
    there = run.on(OCIPIPE_ROOT=str(root))
    before = sorted(path.relative_to(store_root) for path in store_root.rglob("*"))
    entries = run("img-ls").documents
    trace, points = tmp_path / "trace", 0
    step = 2 if argv[0] == "img-load" and not kills.every else 1
    for call in ("write", "mkdir", "mkdirat", "symlinkat", "linkat", "mknodat"):
        for number in itertools.count(1, step):
            subprocess.run(["cp", "-a", str(store_root), str(root)], check=True)
            command = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={call}"]
            command += ["-e", f"inject={call}:error=ENOSPC:when={number}", str(run.bin / argv[0]), *argv[1:]]
            done = subprocess.run(command, env=there.env, cwd=tmp_path, capture_output=True, check=False)
            refused = [line for line in trace.read_text().splitlines() if "INJECTED" in line]
            if not refused or " write(1, " in refused[0]:  # what it prints is no file of the store
                subprocess.run(["rm", "-rf", str(root)], check=True)
                break
            points += 1
            assert done.returncode == 1, refused
            assert re.search("(/|sha256:).*no space left on device .*\\(", message(done.stderr)), refused
            assert sorted(path.relative_to(root) for path in root.rglob("*")) == before, refused
            assert there("img-ls").documents == entries, refused
            assert there("store-check", "--deep").documents == [], refused
            there(*argv, cwd=tmp_path)
            subprocess.run(["rm", "-rf", str(root)], check=True)
    print(f"{points} points tried")
    assert points > 1


def test_a_full_disk_while_a_layer_is_compressed_anew(
    run: Commands, registry: DockerRegistry, busybox_image: Image, small_disk: Path
) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "disk", str(small_disk)], check=True)
    root = small_disk / "store"
    busybox_image.into_store(root, "localhost/busybox:1")
    used = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file())
    subprocess.run(["mount", "-o", f"remount,size={used // 1024 + 512}k", str(small_disk)], check=True)
    argv = ["--root", root, "--force-compression", "zstd", "localhost/busybox:1", f"{registry.address}/world/full:1"]
    said = message(run("img-push", *argv, status=1).err)
    assert "cannot be compressed" in said
    assert "no space left on device (make room" in said
    assert list((root / "partial").iterdir()) == []
    assert layout.problems(root) == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    run("img-push", *argv)


def test_a_full_stdout_is_no_success(run: Commands, reference: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [str(run.bin / "img-pull"), "--no-unpack", reference],
            env=run.env,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert "standard output: no space left on device" in message(done.stderr)


def test_a_place_where_no_store_can_be(run: Commands, reference: str, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    subprocess.run(["chattr", "+i", str(closed)], check=True)
    try:
        done = run("img-pull", "--root", closed / "store", reference, status=1)
        assert "(" in message(done.err)
        assert str(closed) in message(done.err)
    finally:
        subprocess.run(["chattr", "-i", str(closed)], check=True)


def test_a_runtime_that_is_not_installed(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/box:1")
    done = run("ctr-run", "--rm", "--runtime", "no-such-runtime", "box:1", "true", status=125)
    assert message(done.err) == "no-such-runtime: is not installed (install the package crun or runc)"
    assert list(store_root.glob("containers/*/record.json")) == []


@pytest.mark.parametrize("text", ["quay.io/UPPER", "a@sha256:short", "-", "x:" + "t" * 129, "0" * 64])
def test_no_image_reference(run: Commands, text: str) -> None:
    done = run("img-pull", "--", text, status=1, input=b'{"mediaType":1}')
    assert done.out == b""
    assert message(done.err)
