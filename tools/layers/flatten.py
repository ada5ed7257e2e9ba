"""Unpacked layers as one tar archive: the tree that overlayfs would show, in a fixed order.

Owners, modes, times, extended attributes, device nodes and hard links are kept; holes are written as zeros.
"""

from __future__ import annotations

import os
import stat

from oci_spec import tarwriter
from oci_spec.tarstream import Entry

from ..errors import Corrupt
from . import attributes, lowers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .lowers import Found

_PIECE = 1 << 20
_KINDS = {
    stat.S_IFREG: ord("0"), stat.S_IFLNK: ord("2"), stat.S_IFCHR: ord("3"), stat.S_IFBLK: ord("4"),
    stat.S_IFDIR: ord("5"), stat.S_IFIFO: ord("6"),
}  # fmt: skip


def flatten(layers: Sequence[str]) -> Iterator[bytes]:
    """The archive of `layers` (directories, topmost first), from its root's entry to its end marker.

    Every directory stands before what is in it, names in byte order. Raises OSError, and Corrupt when a layer changes
    meanwhile, which nothing of ours does.
    """
    waiting: list[tuple[bytes, Found]] = []
    links: dict[tuple[int, int], bytes] = {}
    roots = tuple(os.fsencode(layer) for layer in layers)
    if roots:
        waiting.append((b".", lowers.Found(os.lstat(roots[0]), roots)))
    while waiting:
        path, found = waiting.pop()
        yield from _member(path, found, links)
        if found.is_directory:
            below = b"" if path == b"." else path + b"/"
            for name in sorted(lowers.names(found.paths), reverse=True):
                child = lowers.look(found.paths, name)
                if child is not None:
                    waiting.append((below + name, child))
    yield tarwriter.END


def _member(path: bytes, found: Found, links: dict[tuple[int, int], bytes]) -> Iterator[bytes]:
    status, source = found.stat, found.paths[0]
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return  # a socket: it is nothing without its process, and tar has no type for it
    entry = Entry(path, kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, 0, status.st_mtime_ns)
    if found.is_directory:
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
    kept = {name: value for name, value in attributes.read_xattrs(source).items() if attributes.is_carried(name)}
    entry.xattrs = kept or None
    if kind != ord("0"):
        yield tarwriter.header(entry)
        return
    entry.size = status.st_size
    yield tarwriter.header(entry)
    yield from _content(source, entry.size)
    yield tarwriter.padding(entry.size)


def _content(source: bytes, size: int) -> Iterator[bytes]:
    fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while size:
            chunk = os.read(fd, min(size, _PIECE))
            if not chunk:
                raise Corrupt(os.fsdecode(source), "became shorter while it was read")
            size -= len(chunk)
            yield chunk
    finally:
        os.close(fd)
