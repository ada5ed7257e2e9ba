"""The standard streams of a process in the foreground that has no terminal.

A pipe of ours, or /dev/null, it gets as it is. Our terminal and our files it does not get: it could read what is in
them, write over it, and runtimes make it their owner (fchown). It has pipes then, and threads of ours carry what
passes; so has one with users of its own, to whom the pipes must belong to be opened (/dev/stderr).
"""

from __future__ import annotations

import _thread
import errno
import os
import select
import stat

from ..errors import Unavailable

_CHUNK = 1 << 16
_NULL = os.makedev(1, 3)
_NAMES = ("stdin", "stdout", "stderr")


class Streams:
    """What the process gets as its descriptors 0, 1 and 2 is in `given`, until `begin`; `owner`: its root, where that
    is none of the host's.

    stdout and stderr that are one file are one pipe, so that all is in the order in which it was written.
    """

    __slots__ = ("_failed", "_owner", "_pipes", "_pumps", "_waits", "given")

    def __init__(self, *, interactive: bool, owner: tuple[int, int] | None = None) -> None:
        self._owner = owner
        self._pipes: list[int] = []  # the process's ends of them
        self._pumps: list[tuple[int, int, int]] = []  # from where, to where, the stream's number
        self._waits: list[_thread.LockType] = []
        self._failed: list[tuple[int, OSError]] = []
        stdin, stdout = self._stdin(interactive), self._output(1)
        one = os.path.sameopenfile(1, 2)
        self.given = stdin, stdout, stdout if one else self._output(2)

    def _stdin(self, interactive: bool) -> int:
        if not interactive:
            null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
            self._pipes.append(null)
            return null
        if self._owner is None and _may_be_given(0):
            return 0
        read, write = self._pipe()
        self._pipes.append(read)
        self._pumps.append((0, write, 0))
        return read

    def _output(self, number: int) -> int:
        if self._owner is None and _may_be_given(number):
            return number
        read, write = self._pipe()
        self._pipes.append(write)
        self._pumps.append((read, number, number))
        return write

    def _pipe(self) -> tuple[int, int]:
        made = os.pipe()
        if self._owner is not None:
            os.fchown(made[0], *self._owner)
        return made

    def begin(self) -> None:
        """The runtime has them: from now on what passes is carried."""
        while self._pipes:
            os.close(self._pipes.pop())
        for source, target, number in self._pumps:
            wait = _thread.allocate_lock()
            if number:
                wait.acquire()
                self._waits.append(wait)
            _thread.start_new_thread(self._carry, (source, target, number, wait))
        self._pumps = []

    def _carry(self, source: int, target: int, number: int, wait: _thread.LockType) -> None:
        try:
            while data := _read(source):
                _write(target, data)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO) and number:
                self._failed.append((number, error))
        finally:
            os.close(source if number else target)  # who writes to us, or reads, learns that nobody is there
            if number:
                wait.release()

    def end(self) -> None:
        """Waits until all that the process has written is where it belongs. Raises Unavailable when it could not be."""
        for wait in self._waits:
            wait.acquire()
        for number, error in self._failed:
            raise lost(number, error)

    def close(self) -> None:
        """Of no use after that, unless it has begun."""
        for source, target, number in self._pumps:
            os.close(source if number else target)
        self._pumps = []
        while self._pipes:
            os.close(self._pipes.pop())


def lost(number: int, error: OSError) -> Unavailable:
    """What to tell of something that the process has said, and that could not be written to our stdout or stderr."""
    why = os.strerror(error.errno or 0).lower()
    return Unavailable(_NAMES[number], f"not all could be written: {why}", "make room, or write elsewhere")


def _may_be_given(number: int) -> bool:
    """Whether a descriptor is a pipe without a name, or /dev/null."""
    found = os.fstat(number)
    if stat.S_ISFIFO(found.st_mode):
        return os.readlink(f"/proc/self/fd/{number}").startswith("pipe:")
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == _NULL


def _read(fd: int) -> bytes:
    while True:
        try:
            return os.read(fd, _CHUNK)
        except BlockingIOError:  # whoever shares it with us has made it so
            _await(fd, select.POLLIN)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            _await(fd, select.POLLOUT)


def _await(fd: int, event: int) -> None:
    poll = select.poll()
    poll.register(fd, event)
    poll.poll()
