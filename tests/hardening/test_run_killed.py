"""kill -9 at every system call of ctr-run that changes something: nothing is left that the next commands keep."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import layout
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image

CHANGES = (
    "mkdir", "rename", "fsync", "symlink", "unlink", "unlinkat", "rmdir", "chmod", "fchmod", "chown", "utimensat",
    "mount", "umount2", "clone3", "wait4", "rt_sigtimedwait",
)  # fmt: skip
"""Of the command alone: the runtime is another process, and lives on. strace counts each call by itself."""


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    made = stored(run, store_root, busybox_image)
    made()  # the layer is unpacked: that is test_pull_killed's
    return made


def killed_at(box: Box, call: str, number: int, *options: str) -> bool:
    """Runs `true` with these options, killed when it begins its number-th such call; whether it came so far."""
    command = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:signal=SIGKILL:when={number}", str(box.run.bin / "ctr-run"), *options]
    done = subprocess.run([*command, "busybox", "true"], env=box.run.env, capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    return done.returncode != 0


def left(box: Box) -> list[str]:
    """What is left of containers in the store and in the runtime's state."""
    return box.left() + [str(path) for path in Path(box.run.env["OCIPIPE_RUN_ROOT"]).glob("*/*")]


@pytest.mark.parametrize("call", CHANGES)
def test_the_next_command_clears_it_all(box: Box, store_root: Path, call: str) -> None:
    number = 0
    while killed_at(box, call, number + 1, "--rm", "--name", "same"):
        number += 1
        assert layout.problems(store_root) == []
        deadline = time.monotonic() + 60  # its process may run yet, and then has the name; it ends by itself
        while (done := box("--name", "same", status=None)).status or left(box):
            assert b"the name is in use" in done.err or not done.err, (number, done.err)
            assert time.monotonic() < deadline, (number, left(box))
    assert number, "this call is not made any more: take it from the list"
    assert left(box) == []


@pytest.mark.parametrize("call", ["rename", "fsync", "symlink", "mount", "clone3", "wait4", "umount2"])
def test_a_kept_container_is_whole_or_not_there(box: Box, call: str) -> None:
    """Its record can be read, and no name stands for nothing; a mount that was left harms nobody."""
    number = 0
    while killed_at(box, call, number + 1, "--name", f"kept-{number}"):
        box()
        found = {record["name"]: (record["status"], record["exitCode"]) for record in box.records()}
        if f"kept-{number}" not in found:
            box("--name", f"kept-{number}")
        assert set(found.values()) <= {("created", None), ("stopped", 0)}
        number += 1
    assert number
    (last,) = [record for record in box.records() if record["name"] == f"kept-{number}"]
    assert (last["status"], last["exitCode"]) == ("stopped", 0)
    for point in Path("/proc/self/mountinfo").read_text().splitlines():
        if str(box.root) in point:
            subprocess.run(["umount", point.split()[4]], check=True)
