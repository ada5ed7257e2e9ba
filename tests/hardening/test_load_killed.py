"""kill -9 at every change that a load, save or copy makes, and full disks: the store stays whole."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import archives
import layout
import pytest
from commands import Commands
from images import Image, Layer, image
from killing import Kills
from tars import Tar

LOWER = Tar().dir("d").file("d/file", b"content").symlink("link", "d").bytes()
UPPER = Tar().link("hard", "d/file").char("null", 1, 3).whiteout("link").bytes()
NAME = "docker.io/library/killed:1"


@pytest.mark.parametrize("form", ["oci file", "docker pipe"])
def test_a_load(form: str, kills: Kills, run: Commands, tmp_path: Path) -> None:
    made = image([Layer(LOWER), Layer(UPPER)])
    kind, way = form.split()
    files = archives.oci_files((made, NAME)) if kind == "oci" else archives.docker_files(made, [NAME], [LOWER, UPPER])
    data = archives.tar(files)
    path = archives.write(tmp_path / "a.tar", gzip.compress(data) if way == "pipe" else data)  # that goes a pipe's way

    def load(number: int) -> list[str | Path]:
        return [run.bin / "img-load", "--root", tmp_path / str(number), "-i", path]

    def after(number: int) -> None:
        root = tmp_path / str(number)
        assert layout.problems(root) == []
        assert layout.errors(run, root) == []
        assert len(run("img-load", "--root", root, "-i", path).documents) == 1
        assert layout.problems(root) == []
        run("store-prune", "--root", root, "--older-than=0s")
        assert run("store-check", "--root", root, "--deep").documents == []
        subprocess.run(["rm", "-rf", str(root)], check=True)

    assert kills(load, after) > 2


def test_a_save(kills: Kills, run: Commands, store_root: Path, tmp_path: Path) -> None:
    image([Layer(LOWER), Layer(UPPER)]).into_store(store_root, NAME)
    whole = run("img-save", "killed:1").out
    target = tmp_path / "out" / "a.tar"
    target.parent.mkdir()

    def save(number: int) -> list[str | Path]:
        target.write_bytes(b"before")
        return [run.bin / "img-save", "-o", target, "killed:1"]

    def after(number: int) -> None:
        assert target.read_bytes() in ((b"before", whole) if number else (whole,))
        assert layout.problems(store_root) == []

    assert kills(save, after) > 2


def test_a_copy(kills: Kills, run: Commands, tmp_path: Path) -> None:
    """Into a layout that holds another image: the index and all that it names are whole."""
    made, before = image([Layer(LOWER), Layer(UPPER)]), image([Layer(LOWER)])
    made.write_layout(tmp_path / "source")

    def copy(number: int) -> list[str | Path]:
        root = tmp_path / str(number)
        before.write_layout(root / "images", "before")
        return [run.bin / "img-copy", f"oci:{tmp_path}/source", f"oci:{root}/images:new"]

    def after(number: int) -> None:
        root = tmp_path / str(number)
        assert layout.problems(root) == []
        run("img-copy", f"oci:{tmp_path}/source", f"oci:{root}/images:new")
        assert layout.problems(root) == []
        assert layout.unfinished(root / "images" / ".partial") == []

    assert kills(copy, after) > 2


@pytest.mark.parametrize("milliseconds", [60, 120, 180, 260, 400])
def test_a_load_interrupted_takes_back_what_came(
    milliseconds: int, run: Commands, store_root: Path, busybox_image: Image, tmp_path: Path
) -> None:
    """SIGTERM, while a slow pipe delivers: the store is as it was."""
    data = archives.tar(archives.oci_files((busybox_image, NAME)))
    read, write = os.pipe()
    process = subprocess.Popen([str(run.bin / "img-load")], env=run.env, stdin=read, stderr=subprocess.PIPE)
    os.close(read)
    os.write(write, data[:60_000])
    try:
        process.wait(milliseconds / 1000)
    except subprocess.TimeoutExpired:
        process.terminate()
    _, err = process.communicate(timeout=60)
    os.close(write)
    assert (process.returncode, err) == (-signal.SIGTERM, b"")
    assert layout.problems(store_root) == []
    assert list(store_root.glob("images/blobs/sha256/*")) == []
    assert layout.unfinished(store_root) == []


@pytest.mark.parametrize("way", ["img-load -i {}", "cat {} | img-load"])
def test_eight_loads_at_once(way: str, run: Commands, store_root: Path, busybox_image: Image, tmp_path: Path) -> None:
    path = archives.write(tmp_path / "a.tar", archives.tar(archives.oci_files((busybox_image, NAME))))
    script = ["bash", "-o", "pipefail", "-c", way.format(path)]
    loads = [subprocess.Popen(script, env=run.env, stdout=subprocess.PIPE) for _ in range(8)]
    outputs = {load.communicate(timeout=120)[0] for load in loads}
    assert [load.returncode for load in loads] == [0] * 8
    assert len(outputs) == 1
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "disk", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("kilobytes", [16, 64, 300, 1100, 1500, 2000, 2500])
@pytest.mark.parametrize("way", ["img-load -i {}", "cat {} | img-load"])
def test_a_full_disk_at_any_point(
    kilobytes: int, way: str, run: Commands, small_disk: Path, busybox_image: Image, tmp_path: Path
) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(small_disk)], check=True)
    path = archives.write(tmp_path / "a.tar", archives.tar(archives.oci_files((busybox_image, NAME))))
    root = small_disk / "store"
    done = run.shell(f"{way.format(path)} --root {root}", status=None)
    assert done.status in (1, 141), "what feeds the pipe may be the one that fails"
    assert "no space left on device" in done.errors[0]["message"]
    assert layout.problems(root) == []
    assert layout.unfinished(root) == []
    assert list(root.glob("images/blobs/sha256/*")) == []
    assert list(root.glob("layers/sha256/*")) == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    run.shell(f"{way.format(path)} --root {root}")
    assert layout.problems(root) == []


def test_a_full_disk_under_what_is_saved(
    run: Commands, store_root: Path, small_disk: Path, busybox_image: Image
) -> None:
    busybox_image.into_store(store_root, NAME)
    subprocess.run(["mount", "-o", "remount,size=300k", str(small_disk)], check=True)
    done = run("img-save", "-o", small_disk / "a.tar", "killed:1", status=1)
    assert "no space left on device" in done.errors[0]["message"]
    assert os.listdir(small_disk) == []
    with open("/dev/full", "wb") as full:
        failed = subprocess.run(
            [str(run.bin / "img-save"), "killed:1"], env=run.env, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert failed.returncode == 1
    assert b"no space left on device" in failed.stderr
