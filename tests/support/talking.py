"""Containers that say something, and whoever hears them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lives import Lives

MIB = 1 << 20
BOTH = "echo one; echo two >&2; echo three; printf four >&2"
COUNTED = "printf =; seq -w -s ' abcdefghijklmnopqrstuvwxyzabcdefghijklm\n=' "
"""Numbered lines of some 50 bytes, from one number to another."""
LINES = MIB // 50
SLACK = 64 << 10
COUNT = "i=0; while [ $i -lt %d ]; do echo $i %s; i=$((i+1)); done"


def say(lives: Lives, script: str, *options: str | Path, name: str = "web") -> Path:
    """A container that has said something and ended; its directory."""
    lives.detached("--name", name, *options, "--", "sh", "-c", script)
    (ended,) = lives("ctr-wait", name).documents
    return Path(ended["bundle"])


def follow(lives: Lives, *argv: str, **settings: Any) -> subprocess.Popen[bytes]:
    settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    return subprocess.Popen([lives.run.bin / "ctr-logs", "-f", *argv], env=lives.run.env, **settings)


def whole(out: bytes) -> list[int]:
    """The numbers of the lines that begin and end in what there is: what is gone may have ended within a line."""
    return [int(number) for number in re.findall(rb"^=(\d+)(?: [a-z]{39})?$", out, re.MULTILINE)]


def watches(process_id: int) -> bool:
    """Whether a process has come to the point where it watches for changes."""
    links = [os.readlink(path) for path in Path(f"/proc/{process_id}/fd").iterdir() if path.is_symlink()]
    return "anon_inode:inotify" in links


@contextmanager
def attached(lives: Lives) -> Iterator[Callable[[str], None]]:
    """Tells a container a line."""
    with subprocess.Popen([lives.run.bin / "ctr-attach", "web"], env=lives.run.env, stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as running:  # fmt: skip
        assert running.stdin is not None

        def tell(line: str) -> None:
            assert running.stdin is not None
            running.stdin.write(f"{line}\n".encode())
            running.stdin.flush()

        try:
            yield tell
        finally:
            running.kill()


def numbers(out: bytes) -> list[int]:
    return [int(line.split()[0]) for line in out.splitlines()]
