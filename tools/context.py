"""What a command may know of the world around it, handed in by the launcher.

Nothing below `cli/` reads the environment, the clock, random numbers or the standard streams; it takes them from
here, so a test replaces any of them by passing another Context.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO, Protocol

    class Task(Protocol):
        """One thing that is making progress, usually a layer. Safe to use from any thread."""

        def advance(self, amount: int) -> None:
            """`amount` more bytes are done."""

        def done(self, state: str = "done") -> None:
            """Finished; `state` is one word for people (done, exists, mounted, failed)."""

    class Progress(Protocol):
        """Reports to people on stderr; never to stdout. Safe to use from any thread."""

        def task(self, label: str, total: int | None) -> Task:
            """A new task of `total` bytes (None: not known yet)."""

        def step(self, label: str) -> Task:
            """A piece of work without a measure, shown to people while it lasts; what came of it is for `say`."""

        def warn(self, message: str) -> None:
            """A warning that stays visible; no full stop, names the object."""

        def say(self, line: str) -> None:
            """A line that stays visible: of work that is done, or what a process says; not with --progress none."""

        def close(self) -> None:
            """Nothing more will be drawn: stderr is free for others."""


class SilentTask:
    """A Task that nobody watches."""

    __slots__ = ()

    def advance(self, amount: int) -> None:
        pass

    def done(self, state: str = "done") -> None:
        pass


class SilentProgress:
    """A Progress that nobody watches; it keeps the warnings so that a test can read them."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def task(self, label: str, total: int | None) -> Task:
        return SilentTask()

    def step(self, label: str) -> Task:
        return SilentTask()

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def say(self, line: str) -> None:
        pass

    def close(self) -> None:
        pass


class Context:
    """The command's world: where the store is, its streams, environment, clock and randomness.

    `root` is the store, `run_root` run-time state that a reboot clears; both absolute. `now()` is seconds since the
    epoch, `random(n)` n random bytes. `user` is the effective user id. `bin` is the directory of our executables, for
    what is to call us back. `kept` is the command's own: what it made for one object and wants to have for the next.
    """

    __slots__ = (
        "bin",
        "command",
        "env",
        "kept",
        "now",
        "progress",
        "random",
        "root",
        "run_root",
        "stderr",
        "stdin",
        "stdout",
        "user",
    )

    def __init__(
        self,
        command: str,
        root: str,
        run_root: str,
        *,
        env: Mapping[str, str],
        stdin: BinaryIO,
        stdout: BinaryIO,
        stderr: BinaryIO,
        now: Callable[[], float],
        random: Callable[[int], bytes],
        user: int,
        bin: str = "",
        progress: Progress | None = None,
    ) -> None:
        self.command = command
        self.kept: dict[str, object] = {}
        self.root = root
        self.run_root = run_root
        self.env = env
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.now = now
        self.random = random
        self.user = user
        self.bin = bin
        self.progress: Progress = progress or SilentProgress()

    def timestamp(self) -> str:
        """The time as documents have it: RFC 3339, UTC, whole seconds."""
        import time

        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.now()))
