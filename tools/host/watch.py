"""Waiting for changes in directories: inotify(7) through ctypes, so that nobody has to look again and again."""

from __future__ import annotations

import errno
import os
from sys import byteorder

from ..errors import NotFound, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

MODIFIED, MOVED_TO, _CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x2, 0x80, 0x100, 0x200, 0x400, 0x800
_IGNORED, _ONLY_A_DIRECTORY = 0x8000, 0x1000000
_LEFT = _DELETE_SELF | _MOVE_SELF
_CHANGES = MODIFIED | MOVED_TO | _CREATE | _DELETE
_GONE = _IGNORED | _LEFT
_HEAD = 16
_LONGEST_WAIT = 86400.0


class Watch:
    """Notices, from its making on, whatever is written, made, renamed or removed in some directories, or just one kind
    of change (`changes`: MODIFIED, MOVED_TO); for a `with` block.

    `fd` can be polled. Raises NotFound when there is no such directory, Unavailable when the user watches too much
    already.
    """

    __slots__ = ("_directories", "fd")

    def __init__(self, *directories: str, changes: int = _CHANGES) -> None:
        import ctypes

        self._directories: dict[int, str] = {}
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise _refused(ctypes.get_errno(), directories[0])
        for directory in directories:
            number = libc.inotify_add_watch(self.fd, os.fsencode(directory), changes | _LEFT | _ONLY_A_DIRECTORY)
            if number < 0:
                problem = ctypes.get_errno()
                os.close(self.fd)
                raise _refused(problem, directory)
            self._directories[number] = directory

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until something has changed since the last call; False when nothing did in so many seconds.

        Raises NotFound when a directory itself was removed or renamed.
        """
        import select

        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        if not poll.poll(None if seconds is None else max(0.0, min(seconds, _LONGEST_WAIT)) * 1000):
            return False
        self.take()
        return True

    def take(self) -> int:
        """The kinds of changes since the last call, as one mask; 0 for none. Raises NotFound as `wait`."""
        found = 0
        try:
            while data := os.read(self.fd, 65536):
                found |= self._kinds(data)
        except BlockingIOError:
            pass
        return found

    def _kinds(self, data: bytes) -> int:
        found = position = 0
        while position < len(data):
            mask = int.from_bytes(data[position + 4 : position + 8], byteorder)
            if mask & _GONE:
                directory = self._directories.get(int.from_bytes(data[position : position + 4], byteorder), "it")
                raise NotFound(directory, "was removed or renamed while it was watched")
            found |= mask
            position += _HEAD + int.from_bytes(data[position + 12 : position + 16], byteorder)
        return found


def _refused(number: int, directory: str) -> Exception:
    if number in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(directory, "no such directory")
    if number == errno.EMFILE:
        return Unavailable("inotify", "this user watches as much as it may", "raise fs.inotify.max_user_instances")
    if number == errno.ENOSPC:
        return Unavailable("inotify", "this user watches as much as it may", "raise fs.inotify.max_user_watches")
    return OSError(number, os.strerror(number), directory)
