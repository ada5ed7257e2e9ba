"""One way to write a file: to a temporary name, fsynced, renamed, its directory fsynced.

After `write_atomic` returns, the file holds the new content also after a power cut; at every moment before, a reader
sees the old content or none. Names beginning with `.tmp-` are ours and unfinished; whoever finds one that no live
process writes may remove it.
"""

from __future__ import annotations

import os
import stat

from ..errors import Corrupt, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = ".tmp-"
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
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Every byte of `data`, however few the kernel takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def write_atomic(path: str, data: bytes, mode: int = 0o644) -> None:
    """Replaces `path` by a file that holds `data`, durably and all at once. Raises OSError."""
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, temporary_name(name))
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException:
        remove_file(temporary)
        raise
    sync_directory(directory)


def remove_file(path: str) -> bool:
    """Removes a file; False when there was none."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def read_limited(path: str, limit: int, subject: str = "") -> bytes:
    """The content of a regular file of at most `limit` bytes. Raises NotFound, Corrupt when it is larger."""
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
        return b"".join(parts)
    finally:
        os.close(fd)


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
