"""Kernel locks (flock): they end with the process that holds them, so no crash can leave one behind.

A lock belongs to an open file description of a file or of a directory. Hold it short, per object; take more than one
only in the order index, layer, container, so that no two commands can wait for each other.
"""

from __future__ import annotations

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class locked:
    """Waits for the lock on an existing file or directory and holds it inside the `with` block."""

    __slots__ = ("_fd", "_path", "_shared")

    def __init__(self, path: str, shared: bool = False) -> None:
        self._path = path
        self._shared = shared
        self._fd = -1

    def __enter__(self) -> int:
        self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX)
        except BaseException:
            os.close(self._fd)
            raise
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        release(self._fd)


def take(fd: int, shared: bool = False) -> bool:
    """The lock on an open descriptor if it is free now; it is held until the descriptor is closed."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def release(fd: int) -> None:
    """Lets go of the lock on a descriptor, and closes that."""
    fcntl.flock(fd, fcntl.LOCK_UN)  # closing alone would leave it to a child that was forked meanwhile
    os.close(fd)


def wait(fd: int) -> None:
    """Waits for the lock on an open descriptor; it is held until the descriptor is closed."""
    fcntl.flock(fd, fcntl.LOCK_EX)


def is_held(path: str) -> bool:
    """Whether some process holds the lock on `path` for itself at this moment; False when there is no such file.

    Any number may ask at the same time: a question is never taken for a holder.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not take(fd, shared=True)
    finally:
        os.close(fd)
