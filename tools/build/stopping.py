"""The end of a build before its time: another step has failed, or its command is to end."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Cancelled(Exception):
    """What is being done is not to go on; it comes to whoever has called the build's Stop, and to nobody else."""


class Stop:
    """Says to every thread of a build whether to go on."""

    __slots__ = ("_ends", "called")

    def __init__(self) -> None:
        self.called = False
        self._ends: list[Callable[[], None]] = []

    def also(self, end: Callable[[], None]) -> None:
        """`end` ends what does not ask, such as a process."""
        self._ends.append(end)

    def call(self) -> None:
        """From now on nothing goes on, and what does not ask is ended."""
        self.called = True
        for end in self._ends:
            end()

    def check(self) -> None:
        """Raises Cancelled once it was called."""
        if self.called:
            raise Cancelled
