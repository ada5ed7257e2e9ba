"""Files as members of a tar archive: owner, mode, time, extended attributes, device numbers, content, hard links.

Each file is shown as a pin (host/beneath.py), or open to be read: what is read is what was looked at, also while a
process is changing the tree.
"""

from __future__ import annotations

import errno
import os
import stat

from oci_spec import tarwriter
from oci_spec.tarstream import Entry

from ..errors import Conflict
from ..host import beneath
from . import attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Owners = Callable[[int, int], tuple[int, int]]

_PIECE = 1 << 20
_MOST_PIECES = 20_000
"""Of a sparse file: readers, ours too, limit its map."""
TOO_LONG = ("holds a path of more than 4095 bytes", "make it shorter: no archive holds it")
_FILE, _LINK, _SYMLINK, _DIRECTORY = b"0125"
_KINDS = {
    stat.S_IFREG: _FILE, stat.S_IFLNK: _SYMLINK, stat.S_IFCHR: ord("3"), stat.S_IFBLK: ord("4"),
    stat.S_IFDIR: _DIRECTORY, stat.S_IFIFO: ord("6"),
}  # fmt: skip


class Members:
    """Makes members in the order of one archive: the second name of a file is a hard link to its first.

    `is_kept` chooses among extended attributes. `owners` gives the user and group that a file is to have in the archive
    for those that it has. With `latest`, nanoseconds since the epoch, no member is younger than
    that. Holes are written as zeros (layer.md: sparse files should not be used), or left out when `sparse`.
    """

    __slots__ = ("_is_kept", "_latest", "_names", "_owners", "_sparse")

    def __init__(
        self,
        is_kept: Callable[[bytes], bool] = attributes.is_carried,
        *,
        latest: int | None = None,
        sparse: bool = False,
        owners: Owners | None = None,
    ) -> None:
        self._is_kept = is_kept
        self._owners = owners
        self._latest = latest
        self._sparse = sparse
        self._names: dict[tuple[int, int], bytes] = {}

    def entry(self, name: bytes, pin: int, found: os.stat_result) -> Entry | None:
        """The member `name` for what is pinned, a directory's with a slash at its end; None for a socket, which is
        nothing without its process and has no type in an archive. Raises OSError."""
        kind = _KINDS.get(stat.S_IFMT(found.st_mode))
        if kind is None:
            return None
        mtime = found.st_mtime_ns if self._latest is None else min(found.st_mtime_ns, self._latest)
        entry = Entry(name, kind, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, 0, mtime)
        if self._owners is not None:
            entry.uid, entry.gid = self._owners(entry.uid, entry.gid)
        if kind == _DIRECTORY:
            entry.name += b"/"
        elif found.st_nlink > 1:
            first = self._names.setdefault((found.st_dev, found.st_ino), name)
            if first is not name:
                entry.kind, entry.link = _LINK, first
                return entry
        if kind == _SYMLINK:
            entry.link = os.readlink(b"", dir_fd=pin)
        elif kind in b"34":
            entry.major, entry.minor = os.major(found.st_rdev), os.minor(found.st_rdev)
        elif kind == _FILE:
            entry.size = found.st_size
            if self._sparse and found.st_blocks * 512 < entry.size:
                entry.sparse = _pieces(pin, entry.size)
        read = attributes.read_xattrs(beneath.place(pin) if beneath.is_pin(pin) else pin, follow=True)
        if read:
            entry.xattrs = {name: value for name, value in read.items() if self._is_kept(name)} or None
        if self._owners is not None and entry.xattrs:
            attributes.own_capability(entry.xattrs, self._owners)
        return entry

    def tar(self, name: bytes, pin: int, found: os.stat_result) -> Iterator[bytes]:
        """The same, written out with its content. Raises Conflict for a file that becomes shorter meanwhile."""
        entry = self.entry(name, pin, found)
        if entry is None:
            return
        yield tarwriter.header(entry)
        if entry.kind == _FILE:
            yield from content(pin, entry)
            yield tarwriter.padding(sum(length for _, length in _spans(entry)))


def content(pin: int, entry: Entry) -> Iterator[bytes]:
    """What a pinned file holds: all of it, or the parts that `entry.sparse` lists. Raises Conflict, OSError."""
    fd = beneath.reopened(pin, os.O_RDONLY) if beneath.is_pin(pin) else pin
    try:
        for start, length in _spans(entry):
            offset, end = start, start + length
            while offset < end:
                chunk = os.pread(fd, min(end - offset, _PIECE), offset)
                if not chunk:
                    raise Conflict(
                        os.fsdecode(entry.name), "became shorter while it was read", "see that nobody writes to it"
                    )
                offset += len(chunk)
                yield chunk
    finally:
        if fd != pin:
            os.close(fd)


def _spans(entry: Entry) -> list[tuple[int, int]]:
    return [(0, entry.size)] if entry.sparse is None else entry.sparse


def _pieces(pin: int, size: int) -> list[tuple[int, int]] | None:
    """Offset and length of each piece of a file that is no hole; None for one without holes, or with too many."""
    found: list[tuple[int, int]] = []
    fd = beneath.reopened(pin, os.O_RDONLY)
    try:
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
    finally:
        os.close(fd)
    return None if found == [(0, size)] or len(found) > _MOST_PIECES else found


class Gathered:
    """Files as the members of an archive that is never written: to iterate over, like a tar stream's reader, with
    `data()` for the content of the current one. Holes stay holes."""

    __slots__ = ("_current", "_items", "_members", "complete")

    def __init__(
        self, items: Iterable[tuple[bytes, int, os.stat_result]], owners: Owners | None = None
    ) -> None:
        self.complete = True
        self._items = items
        self._members = Members(sparse=True, owners=owners)
        self._current: tuple[int, Entry] | None = None

    def __iter__(self) -> Iterator[Entry]:
        for name, pin, found in self._items:
            entry = self._members.entry(name, pin, found)
            if entry is not None:
                self._current = pin, entry
                yield entry

    def data(self) -> Iterator[bytes]:
        """What the current member holds: all, or what its `sparse` lists."""
        assert self._current is not None
        yield from content(*self._current)
