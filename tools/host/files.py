"""One way to write a file: to a temporary name, fsynced, renamed, its directory fsynced.

After `write_atomic` returns, the file holds the new content also after a power cut; at every moment before, a reader
sees the old content or none. Names beginning with `.tmp-` are ours and unfinished; whoever finds one that no live
process writes may remove it.
"""

from __future__ import annotations

import os
import stat

from ..errors import Corrupt, NotFound, Unavailable
from . import libc, seals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

TEMPORARY = ".tmp-"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_count = 0


def temporary_name(name: str) -> str:
    """A fresh sibling name for `name`, unique among all processes and threads of this boot."""
    global _count
    _count += 1
    return f"{TEMPORARY}{name[:40]}-{os.getpid()}-{_count}-{os.urandom(4).hex()}"


def make_directories(path: str, mode: int = 0o755) -> None:
    """`path` and its missing parents, each made durable in its parent directory."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_directories(os.path.dirname(path), mode)
        make_directories(path, mode)
        return
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Makes renames and removals in directory `path` survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _sync(fd, path)
    finally:
        os.close(fd)


def sync_file(path: str) -> None:
    """Makes the content of a file survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _sync(fd, path)
    finally:
        os.close(fd)


def _sync(fd: int, path: str) -> None:
    """fsync. Its error names `path`, which the kernel's does not."""
    try:
        os.fsync(fd)
    except OSError as error:
        error.filename = path
        raise


def write_all(fd: int, data: bytes | memoryview, path: str | None = None) -> None:
    """Every byte of `data`, however few the kernel takes at a time. Its error names `path`, where that is known."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        error.filename = path
        raise


def write_atomic(path: str, data: bytes, mode: int = 0o644, *, sealed: bool = False, durable: bool = True) -> None:
    """Replaces `path` by a file that holds `data`, all at once, and for good unless `durable` is off: a power cut may
    then take what was written. `sealed` lets the file show that a disk has changed it (seals.py). Raises OSError."""
    with replacing(path, mode, durable=durable) as fd:
        fill(fd, data, path, sealed=sealed)


def fill(fd: int, data: bytes, path: str, *, sealed: bool = False) -> None:
    """Writes all of what the new file `fd` is to hold, for `path`. Raises OSError."""
    write_all(fd, data, path)
    if sealed:
        seals.put(fd, data)


class replacing:
    """Replaces `path`, all at once, by what is written to the descriptor inside the `with` block; durably, unless told
    otherwise.

    After an exception `path` is as it was. Raises OSError.
    """

    __slots__ = ("_directory", "_durable", "_fd", "_mode", "_path", "_temporary")

    def __init__(self, path: str, mode: int = 0o644, *, durable: bool = True) -> None:
        self._directory, name = os.path.split(path)
        self._path = path
        self._temporary = os.path.join(self._directory, temporary_name(name))
        self._mode = mode
        self._durable = durable
        self._fd = -1

    def __enter__(self) -> int:
        try:
            self._fd = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)
        except OSError as error:
            error.filename = self._path  # the other name is nobody's
            raise
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                if kind is None and self._durable:
                    _sync(self._fd, self._path)
            finally:
                os.close(self._fd)
            if kind is None:
                os.rename(self._temporary, self._path)
        except BaseException:
            remove_file(self._temporary)
            raise
        if kind is not None:
            remove_file(self._temporary)
        elif self._durable:
            sync_directory(self._directory or ".")


class output(replacing):
    """The same for a path that a user named: a device or a FIFO is written to as it stands, and a link is followed."""

    __slots__ = ("_is_file",)

    def __init__(self, path: str) -> None:
        try:
            self._is_file = stat.S_ISREG(os.stat(path).st_mode)
        except FileNotFoundError:
            self._is_file = True
        super().__init__(os.path.realpath(path) if self._is_file else path)

    def __enter__(self) -> int:
        if self._is_file:
            return super().__enter__()
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_file:
            super().__exit__(kind, error, trace)
        else:
            os.close(self._fd)


def exchange(one: str, other: str) -> None:
    """Swaps what two paths of one file system name, in one step (renameat2). Raises OSError."""
    libc.call(other, "renameat2", _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)


def remove_file(path: str) -> bool:
    """Removes a file; False when there was none."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


class Vouched(bytes):
    """The content of a file whose seal says that it is byte for byte what we wrote: a document that was made to its
    schema needs no check against it (0.2 ms for a container's record; `ctr-ps` reads hundreds)."""


def read_limited(path: str, limit: int, subject: str = "", *, sealed: bool = False) -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises NotFound, Corrupt when it is larger; with
    `sealed`, also when a disk has changed it since it was sealed, and it is Vouched where the seal is whole."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(subject or path, "no such file") from None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise Corrupt(subject or path, "is no regular file")
        if found.st_size > limit:
            raise Corrupt(subject or path, f"is {found.st_size} bytes long, more than the {limit} allowed")
        parts = []
        left = limit + 1
        while left and (part := os.read(fd, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
        if not left:
            raise Corrupt(subject or path, f"is more than {limit} bytes long")
        data = b"".join(parts)
        whole = seals.is_whole(fd, data) if sealed else None
        if whole is False:
            raise Corrupt(subject or path, "its content has changed, though nobody wrote to it")
        return Vouched(data) if whole else data
    finally:
        os.close(fd)


def read_in(directory: str, name: str, limit: int, subject: str = "", *, sealed: bool = False) -> bytes | None:
    """The content of a file in a directory that appears whole, by one rename; None where there is no such directory.

    Raises NotFound when the directory is there without the file, and as `read_limited`.
    """
    path = os.path.join(directory, name)
    try:
        return read_limited(path, limit, subject, sealed=sealed)
    except NotFound:
        if not os.path.isdir(directory):
            return None
        return read_limited(path, limit, subject, sealed=sealed)  # it may have appeared just now


def read_chunks(path: str, offset: int = 0, size: int = 1 << 20) -> Iterator[bytes]:
    """The content of `path` from `offset` on, in chunks of `size` bytes. Raises OSError when it is opened."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def chunks() -> Iterator[bytes]:
        try:
            position = offset
            while chunk := os.pread(fd, size, position):
                position += len(chunk)
                yield chunk
        finally:
            os.close(fd)

    return chunks()


def read_stream(fd: int, subject: str) -> Iterator[bytes]:
    """What an open file or pipe gives from where it stands, to its end. Raises Unavailable, naming `subject`."""
    while True:
        try:
            chunk = os.read(fd, 1 << 20)
        except BlockingIOError:  # another process made the pipe non-blocking: wait as if it hadn't
            import select

            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll()
            continue
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise Unavailable(subject, f"cannot be read: {why}", "name an archive that can") from None
        if not chunk:
            return
        yield chunk
