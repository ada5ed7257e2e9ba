"""A world for one command, in memory: streams, environment, clock; and a small command to run in it."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import textwrap
from types import SimpleNamespace
from typing import Any

from ocipipe.cli.launch import run_command
from ocipipe.context import Context


class Stream(io.BytesIO):
    """A standard stream; `terminal` makes it say that it is one."""

    def __init__(self, data: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(data)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Outcome:
    """How a command ended: exit status and what it wrote."""

    def __init__(self, status: int, out: bytes, err: bytes) -> None:
        self.status = status
        self.out = out
        self.err = err

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Every error told, which demands that stderr is the JSON lines it promises to be."""
        told = [json.loads(line) for line in self.err.splitlines()]
        return [entry for document in told for entry in document.get("errors", ())]


def run(
    module: Any,
    *argv: str,
    stdin: bytes | Stream = b"",
    stdout: Stream | None = None,
    stderr: Stream | None = None,
    env: dict[str, str] | None = None,
    user: int = 0,
) -> Outcome:
    """Runs `module` (with a COMMAND and run or each) in a world of its own."""
    out, err = stdout or Stream(), stderr or Stream()
    status = run_command(
        module,
        list(argv),
        env=env or {},
        stdin=stdin if isinstance(stdin, Stream) else Stream(stdin),
        stdout=out,
        stderr=err,
        now=lambda: 1_700_000_000.0,
        random=lambda count: bytes(range(count)),
        user=user,
    )
    return Outcome(status, out.getvalue(), err.getvalue())


def context(root: str | os.PathLike[str]) -> Context:
    """A world for library functions: the store `root`, nothing on stdin."""
    return Context(
        "test", str(root), f"{root}-run", env={}, stdin=Stream(), stdout=Stream(), stderr=Stream(),
        now=lambda: 1_700_000_000.0, random=lambda count: bytes(range(count)), user=0,
    )  # fmt: skip


def command(declaration: Any, *, run: Any = None, each: Any = None) -> Any:
    """A command as the launcher sees a module of `cmd/`."""
    return SimpleNamespace(COMMAND=declaration, **{"run": run} if run else {"each": each})


def program(tmp_path: Any, source: str, name: str = "fake-command") -> list[str]:
    """An executable whose command is `source` (which defines COMMAND and run or each); returns its argv."""
    path = tmp_path / name
    path.write_text(
        f"#!{os.path.realpath(sys.executable)} -IS\n"
        f"import sys, types\nsys.path[:0] = {[p for p in sys.path if p]!r}\n"
        f"import ocipipe.cmd\nmodule = types.ModuleType('ocipipe.cmd.{name.replace('-', '_')}')\n"
        "sys.modules[module.__name__] = module\n"
        f"exec({textwrap.dedent(source)!r}, module.__dict__)\n"
        f"from ocipipe.cli.launch import main\nmain({name!r})\n"
    )
    path.chmod(0o755)
    return [str(path)]


def execute(argv: list[str], **settings: Any) -> Outcome:
    """Runs a real process to its end, stderr being no terminal."""
    done = subprocess.run(argv, capture_output=True, check=False, **{"input": b"", "timeout": 60, **settings})
    return Outcome(done.returncode, done.stdout, done.stderr)


def on_terminal(argv: list[str], env: dict[str, str], stream: str) -> tuple[int, str]:
    """Runs `argv` with `stream` (stdout or stderr) on a terminal; its status and the words that were shown."""
    master, slave = pty.openpty()
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(argv, env=env, **{**streams, stream: slave})
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(master)
    return process.wait(), plain(shown)


def plain(shown: bytes) -> str:
    """What a terminal shows, without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
