"""What a process in the foreground has as stdin, stdout and stderr: pipes as they are, never a file of the caller's."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from nethosts import until

KINDS = 'kinds=$(for fd in 0 1 2; do stat -Lc %F /proc/$$/fd/$fd; done); echo "$kinds" >/mnt/kinds'


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def start(box: Box, *argv: str | Path, **settings: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([box.run.bin / "ctr-run", "--rm", *argv], env=box.run.env, **settings)


def test_nothing_but_these(box: Box) -> None:
    assert box.text("--", "ls", "/proc/self/fd").split() == ["0", "1", "2", "3"]  # 3 is how ls reads the directory


def test_files_stay_the_caller_s(box: Box, tmp_path: Path) -> None:
    """With another owner's, the runtime would give them away; one file twice is written to in the order of things."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    data = random.Random(1).randbytes(5_000_000)
    (tmp_path / "in").write_bytes(data)
    script = f"{KINDS}; head -c 5000000; for i in 1 2 3 4 5; do echo out; echo err >&2; done"
    with open(tmp_path / "in", "rb") as given, open(tmp_path / "out", "wb") as out:
        process = start(
            box, "-i", "--user", "1000:1000", "-v", f"{shared}:/mnt", "busybox", "sh", "-c", script,
            stdin=given, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert process.wait(timeout=60) == 0
    assert (tmp_path / "out").read_bytes() == data + b"out\nerr\n" * 5
    assert [(path.stat().st_uid, path.stat().st_gid) for path in (tmp_path / "in", tmp_path / "out")] == [(0, 0)] * 2
    assert (shared / "kinds").read_text().split() == ["fifo"] * 3
    assert box.left() == []


def test_pipes_are_handed_on(box: Box) -> None:
    """What the process does not read of one is there for the next."""
    script = "read a; echo $a; stat -Lc %i /proc/self/fd/0"
    command = [box.run.bin / "ctr-run", "--rm", "-i", "busybox", "sh", "-c", script]
    done = subprocess.run(
        ["sh", "-c", '"$@"; cat; stat -Lc %i /proc/self/fd/0', "sh", *command],
        input=b"one\ntwo\n", env=box.run.env, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    first, inode, rest, same = done.stdout.split()
    assert (first, rest) == (b"one", b"two")
    assert inode == same


@pytest.mark.parametrize("blocking", [True, False])
def test_sockets(box: Box, blocking: bool) -> None:
    """Not handed on either; whoever reads from it no more, ends who writes."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(blocking)
    with ours:
        with theirs:
            process = start(box, "-i", "busybox", "sh", "-c", "read a; echo $a; yes", stdin=theirs, stdout=theirs)
        ours.sendall(b"hello\n")
        assert ours.recv(6, socket.MSG_WAITALL) == b"hello\n"
    assert process.wait(timeout=60) == 1  # its first process hears of no SIGPIPE, but of the failure
    assert box.left() == []


def test_no_room_for_what_it_says(box: Box) -> None:
    with open("/dev/full", "wb") as full:
        process = start(box, "busybox", "sh", "-c", "echo much", stdout=full, stderr=subprocess.PIPE)
        _, told = process.communicate(timeout=60)
    (error,) = json.loads(told)["errors"]
    assert error == {
        "code": "UNAVAILABLE",
        "message": "stdout: not all could be written: no space left on device (make room, or write elsewhere)",
    }
    assert process.returncode == 125
    assert box.left() == []


def test_killed_it_leaves_a_process_that_goes_on(box: Box) -> None:
    """Others see it, end it, and say that nobody knows how it has ended."""
    process = start(box, "--name", "one", "busybox", "sleep", "1000", stdin=subprocess.DEVNULL)
    until(lambda: [one["status"] for one in box.run("ctr-ps").documents if one.get("pid")] == ["running"], 30)
    process.kill()
    process.wait()
    (found,) = box.run("ctr-ps").documents
    assert found["status"] == "running"
    os.kill(found["pid"], 0)
    box()  # what is swept away has no process
    command = [box.run.bin / "ctr-wait", "--exit-status", "one"]
    waits = subprocess.Popen(command, env=box.run.env, stderr=subprocess.PIPE)
    box.run("ctr-kill", "one")
    _, told = waits.communicate(timeout=60)
    assert waits.returncode == 125
    assert "nobody" in told.decode()
    box()
    assert box.left() == []
