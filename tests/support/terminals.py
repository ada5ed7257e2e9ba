"""A real terminal (pty) with one of our commands in its foreground."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import Any

from commands import Commands

PATIENCE = 60
"""Seconds in which what must come, comes; nothing is measured by it."""


class Terminal:
    """`Terminal(run).start("ctr-run", "-it", …)`: a terminal, its settings, what is shown and what is typed."""

    def __init__(self, run: Commands) -> None:
        self.run = run
        self.master, self.slave = pty.openpty()
        self.before = self.settings()
        self.seen = b""
        self.process: Any = None

    def settings(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def raw(self) -> bool:
        return not self.settings()[3] & termios.ICANON

    def size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def start(self, name: str, *argv: str) -> None:
        """Runs a command of ours as the leader of the terminal's session."""
        os.set_blocking(self.master, True)
        self.seen = b""
        # Opened by a session's leader that has no terminal yet, it becomes the session's own (tty_ioctl(4)).
        command = [str(self.run.bin / name), *argv]
        leader = f'exec <>{os.ttyname(self.slave)} >&0 2>&0; exec "$@"'
        self.process = subprocess.Popen(
            ["sh", "-c", leader, "sh", *command], env=self.run.env, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, text: str) -> None:
        """Reads what is shown until this is; fails when the command has ended without it, or it does not come."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            ended = self.process.poll() is not None
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
            else:
                assert not ended, f"ended with {self.process.returncode} without {text!r}: {self.seen!r}"
                assert time.monotonic() < deadline, f"no {text!r} yet: {self.seen!r}"

    def end(self) -> int:
        """Waits for the end; reads all that is still shown."""
        os.set_blocking(self.master, False)
        while self.process.poll() is None:
            self._read()
            time.sleep(0.01)
        self._read()
        return int(self.process.returncode)

    def _read(self) -> None:
        try:
            while True:
                self.seen += os.read(self.master, 65536)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Ends what still runs, and takes the terminal away."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
