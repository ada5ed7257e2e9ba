"""The end of a build before its time: another step has failed, or its command is to end."""

from __future__ import annotations


class Cancelled(Exception):
    """What is being done is not to go on; never leaves this package."""


class Stop:
    """Says to every thread of a build whether to go on."""

    __slots__ = ("called",)

    def __init__(self) -> None:
        self.called = False

    def check(self) -> None:
        """Raises Cancelled once it was called."""
        if self.called:
            raise Cancelled
