"""What the processes of a build write, told line by line as it comes."""

from __future__ import annotations

import os
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_LONGEST = 1 << 16
"""Bytes of a line; a longer one is told in pieces."""
_KEPT = 10
"""Lines that a failure tells where nobody has seen them."""


class Lines:
    """A pipe, for a `with` block: what a process writes to `fd` goes to `say`, a line a call. Without `say` the last
    lines are kept for `tail`."""

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self._say = say
        self._kept: list[str] = []
        self._read, self.fd = os.pipe()
        self._thread = threading.Thread(target=self._pump, name="output", daemon=True)

    def __enter__(self) -> Lines:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        os.close(self._read)

    def release(self) -> None:
        """The process has its end of the pipe by now: ours is closed, so that the last of it is seen."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def finish(self) -> None:
        """Waits until all is told."""
        self.release()
        self._thread.join()

    def tail(self) -> str:
        """The last lines for a message, `: ` and one after another; '' where they have been told."""
        return f": {' | '.join(self._kept)}" if self._kept else ""

    def _pump(self) -> None:
        rest = b""
        while chunk := os.read(self._read, _LONGEST):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._tell(line)
            while len(rest) >= _LONGEST:
                self._tell(rest[:_LONGEST])
                rest = rest[_LONGEST:]
        if rest:
            self._tell(rest)

    def _tell(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        if self._say is not None:
            self._say(text)
        elif text.strip():
            self._kept = [*self._kept[1 - _KEPT :], text.strip()]
