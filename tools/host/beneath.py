"""A directory that stands for `/`: no path in it leads out of it, whoever changes it meanwhile (openat2, Linux 5.6).

The kernel itself resolves the paths: a link's absolute target starts at the directory, `..` stops there, and the links
of /proc that jump elsewhere are refused. What was found is held by an O_PATH descriptor, a pin: it stays the same
object, whatever is put in its place, and looking at it opens no device.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys

from ..errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from types import TracebackType

_OPENAT2 = 437
_NO_SYMLINKS, _IN_ROOT = 4, 16
_PIN = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_TO_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 1000
_hows: dict[tuple[int, int], bytes] = {}
_call: Callable[[int, int, bytes, bytes, int], int] | None = None
GONE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP))
"""What a path that was there a moment ago meets when somebody has put something else in its way."""


class Root:
    """The directory `fd`, which is closed with it. Raises OSError as the system calls do."""

    __slots__ = ("_near", "_near_fd", "_openat2", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._openat2 = _openat2()
        self._near = b""
        self._near_fd = fd

    @classmethod
    def at(cls, path: str) -> Root:
        """The directory at a path that we trust."""
        return cls(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))

    def __enter__(self) -> Root:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._leave()
        os.close(self.fd)

    def open(self, path: bytes, flags: int, *, links: bool = True) -> int:
        """A descriptor of what `path` names. With `links` off, a link anywhere in it is ELOOP. Raises OSError,
        and Unsupported on a kernel without openat2."""
        how = _how(flags | os.O_CLOEXEC, _IN_ROOT | (0 if links else _NO_SYMLINKS))
        name = path.lstrip(b"/") or b"."
        for _ in range(_TRIES):
            fd = self._openat2(_OPENAT2, self.fd, name, how, len(how))
            if fd >= 0:
                return fd
            from ctypes import get_errno

            number = get_errno()
            if number == errno.ENOSYS:
                raise Unsupported("this kernel", "has no openat2", "use Linux 5.6 or later")
            if number not in (errno.EAGAIN, errno.EINTR):  # EAGAIN: a directory was moved while `..` was followed
                break
        raise OSError(number, os.strerror(number), os.fsdecode(path))

    def pin(self, path: bytes, *, links: bool = False, follow: bool = False) -> int:
        """A pin of what is at `path`; of a link in its last part itself, unless it is to be followed."""
        last = 0 if follow else os.O_NOFOLLOW
        return self.open(path, os.O_PATH | last, links=links or follow)

    def step(self, path: bytes, *, to_read: bool = False) -> int:
        """A pin of what is at `path`, no link followed, for who goes through a tree in its order: the directory that
        holds it stays open until one of another is wanted. `to_read`: what was a file a moment ago is opened to be
        read, which takes one system call for four. Never where others could put a device in its place."""
        directory, _, name = path.rpartition(b"/")
        if directory != self._near:
            self._leave()
            self._near_fd = self.open(directory, os.O_PATH | os.O_DIRECTORY, links=False)
            self._near = directory
        return opened(name or b".", self._near_fd, to_read=to_read)

    def _leave(self) -> None:
        if self._near_fd != self.fd:
            os.close(self._near_fd)
        self._near, self._near_fd = b"", self.fd

    def walk(
        self, without: Collection[bytes] = (), *, mounted: bool = True, to_read: bool = False
    ) -> Iterator[tuple[bytes, int, os.stat_result]]:
        """Each thing beneath, and first the directory itself as b"": its path, a pin that is open until the next step,
        and what it was when it was pinned. A directory comes before what is in it, names in byte order. Links are not
        followed; the paths in `without`, what has gone by the time its turn comes, and other file systems unless
        `mounted` wants them, are passed over. `to_read`: files are open to be read (see `step`)."""
        device = os.fstat(self.fd).st_dev
        waiting = [(b"", False)]
        while waiting:
            path, is_file = waiting.pop()
            if path in without:
                continue
            try:
                fd = self.step(path, to_read=is_file)
            except OSError as error:
                if path and error.errno in GONE:
                    continue
                raise
            try:
                found = os.fstat(fd)
                if not mounted and found.st_dev != device:
                    continue
                inner = _entries(fd) if stat.S_ISDIR(found.st_mode) else []
                yield path, fd, found
            finally:
                os.close(fd)
            below = path + b"/" if path else b""
            waiting += [(below + name, to_read and is_file) for name, is_file in reversed(inner)]


def _openat2() -> Callable[[int, int, bytes, bytes, int], int]:
    """The system call, through libc; it is looked up once, since a tree is walked with one call a file."""
    global _call
    if _call is None:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).syscall
        call.restype = ctypes.c_long
        call.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
        _call = call
    return _call


def _how(flags: int, resolve: int) -> bytes:
    """struct open_how: what is wanted, the mode of a new file, how the path is resolved."""
    found = _hows.get((flags, resolve))
    if found is None:
        found = _hows[flags, resolve] = b"".join(one.to_bytes(8, sys.byteorder) for one in (flags, 0, resolve))
    return found


def opened(name: bytes, dir_fd: int | None = None, *, to_read: bool = False) -> int:
    """A pin of `name`, which is not followed; or, if it is one `to_read`, an open file (see Root.step)."""
    return os.open(name, _TO_READ if to_read else _PIN, dir_fd=dir_fd)


class pinned:
    """A pin of `name`, which is not followed, in an open directory, for a `with` block."""

    __slots__ = ("_fd",)

    def __init__(self, name: bytes, dir_fd: int) -> None:
        self._fd = opened(name, dir_fd)

    def __enter__(self) -> int:
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def listed(pin: int) -> list[bytes]:
    """The names in a pinned directory, in byte order."""
    return [name for name, _ in _entries(pin)]


def _entries(pin: int) -> list[tuple[bytes, bool]]:
    """The same, and whether each is a file."""
    fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=pin)
    try:
        with os.scandir(fd) as found:
            return sorted((os.fsencode(one.name), one.is_file(follow_symlinks=False)) for one in found)
    finally:
        os.close(fd)


def is_pin(fd: int) -> bool:
    """Whether it is a pin, or a file that is open to be read or written."""
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_PATH)


def reopened(pin: int, flags: int) -> int:
    """Another descriptor of a pinned file, to read or write it."""
    return os.open(place(pin), flags | os.O_CLOEXEC)


def mount_of(fd: int) -> int:
    """The id of the mount that an open file, or a pin, was reached through. Raises OSError."""
    with open(f"/proc/self/fdinfo/{fd}", "rb") as file:
        for line in file:
            if line.startswith(b"mnt_id:"):
                return int(line.split()[1])
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "mnt_id")


def place(pin: int) -> bytes:
    """A path of what is pinned, for system calls that take no descriptor; it is followed, and no further."""
    return b"/proc/self/fd/%d" % pin
