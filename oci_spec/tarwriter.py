"""Writes tar archives: ustar headers, and PAX records (POSIX.1-2001) for what they cannot hold.

The same entries make the same bytes, everywhere and always: nothing is taken from the clock, the user or the host.
"""

from __future__ import annotations

from .tarfields import BLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .tarstream import Entry

END = bytes(2 * BLOCK)
"""What ends an archive."""
_OCTAL_8 = 8**7
_OCTAL_12 = 8**11
_SECOND = 1_000_000_000


def header(entry: Entry) -> bytes:
    """All that stands before an entry's content: its header, after a PAX header where one is needed.

    The content of a regular file follows, `entry.size` bytes long, and then `padding(entry.size)`; of a sparse one
    only the pieces that `sparse` lists, and the padding of those (GNU's sparse format 1.0: their map is among what is
    returned). Names and extended attributes are bytes and written as they are.
    """
    seconds, fraction = divmod(entry.mtime, _SECOND)
    size = entry.size if entry.kind == ord("0") else 0
    shown, pieces = entry.name, b""
    records: dict[bytes, bytes] = {}
    if entry.sparse is not None:
        pieces = _map(entry.sparse, entry.size)
        size = len(pieces) + sum(length for _, length in entry.sparse)
        records[b"GNU.sparse.major"], records[b"GNU.sparse.minor"] = b"1", b"0"
        records[b"GNU.sparse.name"], records[b"GNU.sparse.realsize"] = entry.name, b"%d" % entry.size
        shown = b"GNUSparseFile.0/" + entry.name.rpartition(b"/")[2][:80]  # for readers that know no such files
    if len(shown) > 100:
        records[b"path"] = shown
    if len(entry.link) > 100:
        records[b"linkpath"] = entry.link
    if size >= _OCTAL_12:
        records[b"size"] = b"%d" % size
    if entry.uid >= _OCTAL_8:
        records[b"uid"] = b"%d" % entry.uid
    if entry.gid >= _OCTAL_8:
        records[b"gid"] = b"%d" % entry.gid
    if fraction or not 0 <= seconds < _OCTAL_12:
        records[b"mtime"] = _time(entry.mtime)
    for name, value in sorted((entry.xattrs or {}).items()):
        records[b"SCHILY.xattr." + name] = value
    block = _block(
        shown[:100],
        entry.mode,
        entry.uid if entry.uid < _OCTAL_8 else 0,
        entry.gid if entry.gid < _OCTAL_8 else 0,
        size if size < _OCTAL_12 else 0,
        seconds if 0 <= seconds < _OCTAL_12 else 0,
        entry.kind,
        entry.link[:100],
        entry.major,
        entry.minor,
    )
    if not records:
        return block
    data = b"".join(_record(key, value) for key, value in records.items())
    name = b"PaxHeaders/" + entry.name.rstrip(b"/").rpartition(b"/")[2][:80]
    return _block(name, 0o644, 0, 0, len(data), 0, ord("x"), b"", 0, 0) + data + padding(len(data)) + block + pieces


def _map(spans: list[tuple[int, int]], size: int) -> bytes:
    """How many pieces a sparse file has, and where; one of no length at its end where that is a hole."""
    if not spans or sum(spans[-1]) < size:
        spans = [*spans, (size, 0)]
    text = b"".join((b"%d\n" % len(spans), *(b"%d\n%d\n" % span for span in spans)))
    return text + padding(len(text))


def padding(size: int) -> bytes:
    """The zeros after content of so many bytes."""
    return bytes(-size % BLOCK)


def _block(
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    seconds: int,
    kind: int,
    link: bytes,
    major: int,
    minor: int,
) -> bytes:
    start = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (name.ljust(100, b"\0"), mode, uid, gid, size, seconds)
    end = b"%c%sustar\x0000%s%07o\0%07o\0%s" % (
        kind, link.ljust(100, b"\0"), bytes(64), major, minor, bytes(167),
    )  # fmt: skip
    return b"%s%06o\0 %s" % (start, sum(start) + 8 * ord(" ") + sum(end), end)


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value\\n`, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if len(str(length)) != len(str(rest)):
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


def _time(nanoseconds: int) -> bytes:
    """Seconds in decimal, with as many places as it takes."""
    seconds, fraction = divmod(abs(nanoseconds), _SECOND)
    places = b".%09d" % fraction if fraction else b""
    return b"%s%d%s" % (b"-" if nanoseconds < 0 else b"", seconds, places.rstrip(b"0"))
