"""Reads a tar archive from a stream of chunks: ustar, PAX (POSIX.1-2001) and GNU, with sparse files of every kind.

Names and extended attributes are bytes from end to end, so what is no UTF-8 survives. File content is handed out as
views of the chunks, never copied. Python's tarfile takes 1 s for a Debian base layer in stream mode; this takes 0.1.

Bounds: an extended header holds at most 1 MiB; sizes are checked before anything is read by them.
"""

from __future__ import annotations

from .chunks import Chunks
from .tarfields import (
    BLOCK,
    Damaged,
    checked_header,
    checked_map,
    decimal,
    map_numbers,
    nanoseconds,
    number,
    padded,
    parse_pax,
    size_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .chunks import Skip


EXTENDED_LIMIT = 1 << 20
"""The largest PAX header, GNU long name or sparse map, in bytes."""
_ZEROS = bytes(BLOCK)
_HEADER_ONLY = frozenset(b"123456")
_REGULAR = b"0"[0]
_XATTR = b"SCHILY.xattr."


class Entry:
    """One member. `kind` is the type flag's byte (`0` file, `1` hard link, `2` symlink, `3` character device, `4` block
    device, `5` directory, `6` fifo); `size` is the file's length in bytes, holes included; `mtime` nanoseconds since
    the epoch; `link` a link's target; `sparse` the (offset, length) pairs of the data that a sparse file has."""

    __slots__ = ("gid", "kind", "link", "major", "minor", "mode", "mtime", "name", "size", "sparse", "uid", "xattrs")

    def __init__(self, name: bytes, kind: int, mode: int, uid: int, gid: int, size: int, mtime: int) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.mtime = mtime
        self.link = b""
        self.major = 0
        self.minor = 0
        self.xattrs: dict[bytes, bytes] | None = None
        self.sparse: list[tuple[int, int]] | None = None


class Reader:
    """Iterates over the entries; between two steps `data()` gives the content of the current one, read or not.

    When the iteration ends the stream has been read to its very end, past the archive's end marker; `complete` tells
    whether there was one, of both its blocks. With `skip`, content that nobody asks for is passed over and not read
    (of a file that can be sought in, `offset` is then where the current entry's content begins). Raises Damaged.
    """

    __slots__ = ("_globals", "_left", "_padding", "_stream", "complete")

    def __init__(self, chunks: Iterable[bytes], skip: Skip | None = None) -> None:
        self._stream = Chunks(chunks, skip)
        self.complete = False
        self._left = 0
        self._padding = 0
        self._globals: dict[bytes, bytes] = {}

    @property
    def offset(self) -> int:
        """How many bytes of the archive have been read or passed over."""
        return self._stream.offset

    def data(self) -> Iterator[memoryview]:
        """The current entry's stored bytes (of a sparse file: its data without the holes), once."""
        for piece in self._stream.pieces(self._left):
            self._left -= len(piece)
            yield piece

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self._next()) is not None:
            yield entry
        self._stream.drain()

    def _next(self) -> Entry | None:
        self._finish()
        records: dict[bytes, bytes] = {}
        long_name = long_link = None
        while True:
            block = self._stream.take(BLOCK)
            if not block:
                if records or long_name or long_link:
                    raise Damaged("the archive ends after an extended header")
                return None
            if len(block) != BLOCK:
                raise Damaged("the archive is truncated in the middle of a header")
            if block == _ZEROS:
                rest = self._stream.take(BLOCK)
                if rest and rest.count(0) != len(rest):
                    raise Damaged("a lone zero block stands between two entries")
                self.complete = len(rest) == BLOCK
                return None
            fields = checked_header(block)
            kind = fields[7][0]
            if kind in b"xX":
                records = parse_pax(self._extended(number(fields[4])))
            elif kind in b"g":
                known = parse_pax(self._extended(number(fields[4])))
                self._globals.update((key, value) for key, value in known.items() if key in _PLAIN_KEYS)
            elif kind in b"L":
                long_name = self._extended(number(fields[4])).partition(b"\0")[0]
            elif kind in b"K":
                long_link = self._extended(number(fields[4])).partition(b"\0")[0]
            elif kind in b"V":
                self._stream.skip(padded(size_of(fields[4])))
            else:
                return self._entry(block, fields, records, long_name, long_link)

    def _entry(
        self,
        block: bytes,
        fields: tuple[bytes, ...],
        records: dict[bytes, bytes],
        long_name: bytes | None,
        long_link: bytes | None,
    ) -> Entry:
        raw_name, mode, uid, gid, raw_size, mtime, _, flag, link, magic, major, minor, prefix = fields
        name = raw_name.partition(b"\0")[0]
        if magic == b"ustar\0" and prefix[0]:
            prefix = prefix[:131] if block[508:] == b"tar\0" else prefix
            name = prefix.partition(b"\0")[0] + b"/" + name
        if long_name is not None:
            name = long_name
        size = size_of(raw_size)
        seconds = number(mtime)
        entry = Entry(name, flag[0], number(mode) & 0o7777, number(uid), number(gid), size, seconds * 1_000_000_000)
        if entry.kind == 0 or flag == b"7":
            entry.kind = _REGULAR
        if entry.kind == _REGULAR and name.endswith(b"/") and b"path" not in records:
            entry.kind = b"5"[0]  # how archives from before POSIX mark a directory
        if flag in b"12":
            entry.link = link.partition(b"\0")[0] if long_link is None else long_link
        elif flag in b"34":
            entry.major, entry.minor = number(major), number(minor)
        if self._globals:
            records = {**self._globals, **records}
        if records:
            _overlay(entry, records)
        stored = 0 if entry.kind in _HEADER_ONLY else entry.size
        self._left, self._padding = stored, -stored % BLOCK
        if flag == b"D":  # a GNU dump directory carries its listing
            entry.kind = b"5"[0]
        elif flag == b"S":
            entry.kind = _REGULAR
            self._gnu_sparse(entry, block)
        elif records and entry.kind == _REGULAR:
            self._pax_sparse(entry, records)
        return entry

    def _finish(self) -> None:
        """Passes what is left of the current entry."""
        if self._left or self._padding:
            self._stream.skip(self._left + self._padding)
            self._left = self._padding = 0

    def _extended(self, size: int) -> bytes:
        if not 0 <= size <= EXTENDED_LIMIT:
            raise Damaged(f"an extended header says it is {size} bytes long; at most {EXTENDED_LIMIT} are read")
        data = self._stream.take(padded(size))
        if len(data) < size:
            raise Damaged("the archive is truncated in the middle of an extended header")
        return data[:size]

    def _gnu_sparse(self, entry: Entry, block: bytes) -> None:
        """The old GNU format: four pieces in the header, more in blocks that follow it."""
        numbers = map_numbers(block, 386, 4)
        extended = block[482]
        entry.size = size_of(block[483:495])
        while extended:
            more = self._stream.take(BLOCK)
            if len(more) != BLOCK or len(numbers) * 8 > EXTENDED_LIMIT:
                raise Damaged("a sparse file's map is truncated or too long")
            numbers += map_numbers(more, 0, 21)
            extended = more[504]
        entry.sparse = checked_map(numbers, entry.size, self._left)

    def _pax_sparse(self, entry: Entry, records: dict[bytes, bytes]) -> None:
        """GNU sparse formats 0.0, 0.1 and 1.0, told apart by which records there are."""
        if records.get(b"GNU.sparse.major") == b"1":
            numbers = self._map_in_data()
            size = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size")
        elif b"GNU.sparse.map" in records:
            text = records[b"GNU.sparse.map"]
            numbers = [decimal(number) for number in text.split(b",")] if text else []
            size = records.get(b"GNU.sparse.size")
        elif b"GNU.sparse.size" in records:
            size, numbers = records[b"GNU.sparse.size"], []
        else:
            return
        if size is None:
            raise Damaged("a sparse file's size is missing")
        entry.size = decimal(size)
        if b"GNU.sparse.name" in records:
            entry.name = records[b"GNU.sparse.name"]
        entry.sparse = checked_map(numbers, entry.size, self._left)

    def _map_in_data(self) -> list[int]:
        """The map of format 1.0: decimal numbers, one a line, in whole blocks ahead of the file's data."""
        text = b""
        count = -1
        while count < 0 or text.count(b"\n") < 1 + 2 * count:
            block = self._stream.take(BLOCK) if self._left >= BLOCK else b""
            if len(block) != BLOCK or len(text) > EXTENDED_LIMIT:
                raise Damaged("a sparse file's map is truncated or too long")
            self._left -= BLOCK
            text += block
            if count < 0 and b"\n" in text:
                count = decimal(text.partition(b"\n")[0])
        return [decimal(line) for line in text.split(b"\n", 1 + 2 * count)[1 : 1 + 2 * count]]


_PLAIN_KEYS = frozenset((b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime"))


def _overlay(entry: Entry, records: dict[bytes, bytes]) -> None:
    """PAX records over the header's fields (pax, Extended Header Keywords); an empty value means the header's."""
    for key, value in records.items():
        if key.startswith(_XATTR):
            if entry.xattrs is None:
                entry.xattrs = {}
            entry.xattrs[key[len(_XATTR) :]] = value
        elif not value:
            continue
        elif key == b"path":
            entry.name = value
        elif key == b"linkpath":
            if entry.kind in b"12":
                entry.link = value
        elif key == b"mtime":
            entry.mtime = nanoseconds(value)
        elif key == b"size":
            entry.size = decimal(value)
        elif key == b"uid":
            entry.uid = decimal(value)
        elif key == b"gid":
            entry.gid = decimal(value)
