"""kill -9 at every moment of ctr-commit and ctr-cp: no container is left frozen or mounted, no store half done."""

from __future__ import annotations

import os
import time
from pathlib import Path

import layout
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from inhabited import running
from killing import Kills
from tracing import CHANGES, PROCESSES


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    made = stored(run, store_root, busybox_image)
    made()
    return made


def mounts(box: Box) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(box.root) in line]


def test_commit_of_a_running_container(kills: Kills, box: Box) -> None:
    """It goes on, whenever we die: while it is being frozen, while it is frozen, while it is let go."""
    with running(box, "echo ready; while :; do echo >>/grows; sleep 0.01; done") as name:
        (record,) = box.records()
        grows = box.root / "containers" / record["id"] / "rootfs" / "grows"
        before_all = mounts(box)

        def command(number: int) -> list[str | Path]:
            return [box.run.bin / "ctr-commit", name, f"made:{number}"]

        def after(number: int) -> None:
            before, deadline = grows.stat().st_size, time.monotonic() + 60
            while grows.stat().st_size == before:
                assert time.monotonic() < deadline, f"it was left frozen at {number}"
                time.sleep(0.01)
            assert layout.problems(box.root) == []
            assert layout.errors(box.run, box.root) == []
            assert mounts(box) == before_all
            box.run("ctr-commit", name, f"made:{number}")
            assert box.run("ctr-run", "--rm", f"made:{number}", "ls", "/grows").out == b"/grows\n"

        assert kills(command, after, calls=CHANGES | PROCESSES) > 2


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_copy_into_a_container(kills: Kills, box: Box, tmp_path: Path, state: str) -> None:
    """What is there is old, new or missing; the same copy again makes it right, and the container can be used."""
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    (source / "d/file").write_bytes(b"new" * 1000)
    os.symlink("file", source / "d/link")
    os.mkfifo(source / "pipe")
    (tmp_path / "volume").mkdir()
    options = ["-v", f"{tmp_path}/volume:/data/volume"]

    def sweep(name: str) -> None:
        before_all = mounts(box)

        def command(number: int) -> list[str | Path]:
            return [box.run.bin / "ctr-cp", source, f"{name}:/data/volume/n{number}"]

        def after(number: int) -> None:
            assert mounts(box) == before_all
            assert layout.errors(box.run, box.root) == []
            box.run("ctr-cp", f"{source}/.", f"{name}:/data/volume/n{number}")
            assert (tmp_path / f"volume/n{number}/d/file").read_bytes() == b"new" * 1000
            box.run("ctr-cp", source, f"{name}:/")
            assert "/source/d/link" in [one["path"] for one in box.run("ctr-diff", name).documents]

        assert kills(command, after) > 2

    if state == "running":
        with running(box, "echo ready; exec sleep 10000", *options) as name:
            sweep(name)
    else:
        box("--name", "one", *options, rm=False)
        sweep("one")
