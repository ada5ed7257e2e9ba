"""What lies on a disk as a member of a tar archive: header, and content of a file."""

from __future__ import annotations

import errno
import os
import stat

from oci_spec import tarwriter
from oci_spec.tarstream import Entry

from ..errors import Corrupt
from . import attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Links = dict[tuple[int, int], bytes]
    """Device and inode of files with several names, and the first of those in the archive."""

_PIECE = 1 << 20
_MOST_PIECES = 20_000
"""Of a sparse file: readers, ours too, limit its map."""
_KINDS = {
    stat.S_IFREG: ord("0"), stat.S_IFLNK: ord("2"), stat.S_IFCHR: ord("3"), stat.S_IFBLK: ord("4"),
    stat.S_IFDIR: ord("5"), stat.S_IFIFO: ord("6"),
}  # fmt: skip


def member(
    path: bytes,
    source: bytes,
    status: os.stat_result,
    links: Links,
    is_kept: Callable[[bytes], bool],
    *,
    sparse: bool = False,
) -> Iterator[bytes]:
    """The archive's member `path`, which is what lies at `source`. `is_kept` chooses among its extended attributes.

    Holes are written as zeros, or left out when `sparse`. Raises OSError, and Corrupt when the file becomes shorter.
    """
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return  # a socket: it is nothing without its process, and tar has no type for it
    entry = Entry(path, kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, 0, status.st_mtime_ns)
    if stat.S_ISDIR(status.st_mode):
        entry.name += b"/"
    elif status.st_nlink > 1:
        first = links.setdefault((status.st_dev, status.st_ino), path)
        if first is not path:
            entry.kind, entry.link = ord("1"), first
            yield tarwriter.header(entry)
            return
    if kind == ord("2"):
        entry.link = os.readlink(source)
    elif kind in b"34":
        entry.major, entry.minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    kept = {name: value for name, value in attributes.read_xattrs(source).items() if is_kept(name)}
    entry.xattrs = kept or None
    if kind != ord("0"):
        yield tarwriter.header(entry)
        return
    entry.size = status.st_size
    fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        spans = [(0, entry.size)]
        if sparse and status.st_blocks * 512 < entry.size:
            found = _pieces(fd, entry.size)
            if found != spans and len(found) <= _MOST_PIECES:
                entry.sparse = spans = found
        yield tarwriter.header(entry)
        for offset, length in spans:
            yield from _content(fd, offset, length, source)
        yield tarwriter.padding(sum(length for _, length in spans))
    finally:
        os.close(fd)


def _pieces(fd: int, size: int) -> list[tuple[int, int]]:
    """Offset and length of each piece of a file that is no hole."""
    found: list[tuple[int, int]] = []
    end = 0
    while end < size:
        try:
            start = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                break
            raise
        if start >= size:  # it has grown meanwhile
            break
        end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        found.append((start, end - start))
    return found


def _content(fd: int, offset: int, length: int, source: bytes) -> Iterator[bytes]:
    while length:
        chunk = os.pread(fd, min(length, _PIECE), offset)
        if not chunk:
            raise Corrupt(os.fsdecode(source), "became shorter while it was read")
        offset += len(chunk)
        length -= len(chunk)
        yield chunk
