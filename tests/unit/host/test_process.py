"""host/process: other programs found, started and heard."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ocipipe.errors import Unavailable
from ocipipe.host import process

ENV = {"PATH": "/usr/bin:/bin"}


def sh(script: str, input: bytes = b"", **env: str) -> tuple[int, bytes, bytes]:
    done = process.run(["/bin/sh", "-c", script], env={**ENV, **env}, input=input)
    return done.status, done.stdout, done.stderr


def test_a_program_s_end_and_words() -> None:
    assert sh("echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
    assert sh("kill -TERM $$") == (128 + signal.SIGTERM, b"", b"")
    assert sh("echo $A; env | grep -c HOME", A="b") == (1, b"b\n0\n", b"")


def test_more_than_a_pipe_holds() -> None:
    data = os.urandom(1 << 20)
    assert sh("cat", data) == (0, data, b"")
    assert sh("cat >&2", data) == (0, b"", data)


def test_input_that_nobody_reads() -> None:
    assert sh("exec 0<&-; sleep 0.05; echo done", b"x" * (1 << 20)) == (0, b"done\n", b"")


def test_signals_and_descriptors_of_ours_are_not_its_own() -> None:
    """Python ignores SIGPIPE and SIGXFSZ; a program that did, too, would write on for ever."""
    read, write = os.pipe()
    try:
        status = {line.split(b":")[0]: line.split()[1] for line in sh("grep Sig /proc/self/status")[1].splitlines()}
        ignored = int(status[b"SigIgn"], 16)
        assert [number for number in (signal.SIGPIPE, signal.SIGXFSZ) if ignored >> number - 1 & 1] == []
        assert int(status[b"SigBlk"], 16) == 0
        held = sh("ls -l /proc/self/fd")[1]
        assert held.count(b"pipe:[") >= 3
        assert b"pipe:[%d]" % os.fstat(read).st_ino not in held
    finally:
        os.close(read)
        os.close(write)


def test_no_descriptor_is_lost() -> None:
    before = len(os.listdir("/proc/self/fd"))
    sh("true")
    with pytest.raises(Unavailable, match="/no/such/program: cannot be started"):
        process.run(["/no/such/program"], env=ENV)
    assert len(os.listdir("/proc/self/fd")) == before


def test_finding(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    assert process.find("tool", str(tmp_path)) is None  # not executable
    program.chmod(0o755)
    assert process.find("tool", f"/nowhere:{tmp_path}") == str(program)
    assert process.find("tool", "") is None
    assert process.find(str(program)) == str(program)
    assert process.find(str(tmp_path)) is None
    (tmp_path / "sh").mkdir()
    assert process.find("sh", str(tmp_path)) in ("/usr/bin/sh", "/bin/sh")
    assert process.find("no-such-program", os.environ["PATH"]) is None
