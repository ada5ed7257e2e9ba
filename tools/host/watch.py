"""Waiting for changes in a directory: inotify(7) through ctypes, so that nobody has to look again and again."""

from __future__ import annotations

import errno
import os
from sys import byteorder

from ..errors import NotFound, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_MODIFY, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x2, 0x80, 0x100, 0x200, 0x400, 0x800
_IGNORED, _ONLY_A_DIRECTORY = 0x8000, 0x1000000
_CHANGES = _MODIFY | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_GONE = _IGNORED | _DELETE_SELF | _MOVE_SELF
_HEAD = 16
_LONGEST_WAIT = 86400.0


class Watch:
    """Notices, from its making on, whatever is written, made, renamed or removed in a directory; for a `with` block.

    Raises NotFound when there is no such directory, Unavailable when the user watches too much already.
    """

    __slots__ = ("_directory", "_fd")

    def __init__(self, directory: str) -> None:
        import ctypes

        self._directory = directory
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _refused(ctypes.get_errno(), directory)
        if libc.inotify_add_watch(self._fd, os.fsencode(directory), _CHANGES | _ONLY_A_DIRECTORY) < 0:
            number = ctypes.get_errno()
            os.close(self._fd)
            raise _refused(number, directory)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until something has changed since the last call; False when nothing did in so many seconds.

        Raises NotFound when the directory itself was removed or renamed.
        """
        import select

        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if not poll.poll(None if seconds is None else max(0.0, min(seconds, _LONGEST_WAIT)) * 1000):
            return False
        try:
            while data := os.read(self._fd, 65536):
                self._look(data)
        except BlockingIOError:
            pass
        return True

    def _look(self, data: bytes) -> None:
        position = 0
        while position < len(data):
            mask = int.from_bytes(data[position + 4 : position + 8], byteorder)
            if mask & _GONE:
                raise NotFound(self._directory, "was removed or renamed while it was watched")
            position += _HEAD + int.from_bytes(data[position + 12 : position + 16], byteorder)


def _refused(number: int, directory: str) -> Exception:
    if number in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(directory, "no such directory")
    if number == errno.EMFILE:
        return Unavailable("inotify", "this user watches as much as it may", "raise fs.inotify.max_user_instances")
    if number == errno.ENOSPC:
        return Unavailable("inotify", "this user watches as much as it may", "raise fs.inotify.max_user_watches")
    return OSError(number, os.strerror(number), directory)
