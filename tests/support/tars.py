"""Builds tar archives by hand, ordinary and hostile ones: any header a hostile publisher could write, and none that
Python's tarfile would correct on the way."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence

BLOCK = 512


def header(
    name: bytes,
    kind: bytes = b"0",
    *,
    size: int = 0,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    mtime: int = 0,
    link: bytes = b"",
    major: int = 0,
    minor: int = 0,
    prefix: bytes = b"",
    gnu: bool = False,
    tail: bytes = b"",
) -> bytes:
    """One header block with a right checksum; numbers too large for octal are written in base 256. `tail` replaces
    what stands from offset 345 on (for the GNU format)."""
    magic = b"ustar  \0" if gnu else b"ustar\x0000"
    block = b"".join(
        (
            name[:100].ljust(100, b"\0"),
            number(mode, 8),
            number(uid, 8),
            number(gid, 8),
            number(size, 12),
            number(mtime, 12),
            b" " * 8,
            kind,
            link[:100].ljust(100, b"\0"),
            magic,
            b"root".ljust(32, b"\0"),
            b"root".ljust(32, b"\0"),
            number(major, 8),
            number(minor, 8),
            (tail or prefix).ljust(167, b"\0"),
        )
    )
    assert len(block) == BLOCK
    return checksummed(block)


def checksummed(block: bytes) -> bytes:
    """The block with its checksum field set."""
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def number(value: int, width: int) -> bytes:
    """A header's number field, octal or base 256."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    bits = 8 * width - 1
    return ((value & ((1 << bits) - 1)) | 1 << bits).to_bytes(width, "big")


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def pax_record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length = len(b"%d" % length) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


class Tar:
    """An archive that grows by one entry a call; `bytes()` ends it. Every method returns the archive, to be chained."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def raw(self, data: bytes) -> Tar:
        self.parts.append(data)
        return self

    def pax(self, records: Mapping[bytes, bytes] | Sequence[tuple[bytes, bytes]], kind: bytes = b"x") -> Tar:
        pairs = records.items() if isinstance(records, Mapping) else records
        data = b"".join(pax_record(key, value) for key, value in pairs)
        return self.raw(header(b"PaxHeaders/x", kind, size=len(data)) + padded(data))

    def entry(
        self,
        name: str | bytes,
        kind: bytes = b"0",
        data: bytes = b"",
        *,
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        mtime: float | str = 1_600_000_000,
        link: str | bytes = b"",
        major: int = 0,
        minor: int = 0,
        xattrs: Mapping[str | bytes, bytes] | None = None,
        records: Mapping[bytes, bytes] | None = None,
    ) -> Tar:
        """One entry; long names, fractions of a second and extended attributes go into a PAX header before it."""
        raw, target = _bytes(name), _bytes(link)
        extra = dict(records or {})
        if len(raw) > 100:
            extra.setdefault(b"path", raw)
        if len(target) > 100:
            extra.setdefault(b"linkpath", target)
        if not isinstance(mtime, int):
            extra.setdefault(b"mtime", str(mtime).encode())
        for key, value in (xattrs or {}).items():
            extra[b"SCHILY.xattr." + _bytes(key)] = value
        if extra:
            self.pax(extra)
        self.raw(
            header(
                raw, kind, size=len(data), mode=mode, uid=uid, gid=gid,
                mtime=int(float(mtime)), link=target, major=major, minor=minor,
            )
        )  # fmt: skip
        return self.raw(padded(data))

    def file(self, name: str | bytes, data: bytes = b"", **fields: object) -> Tar:
        return self.entry(name, b"0", data, **fields)  # type: ignore[arg-type]

    def dir(self, name: str | bytes, mode: int = 0o755, **fields: object) -> Tar:
        return self.entry(name, b"5", mode=mode, **fields)  # type: ignore[arg-type]

    def symlink(self, name: str | bytes, target: str | bytes, **fields: object) -> Tar:
        return self.entry(name, b"2", mode=0o777, link=target, **fields)  # type: ignore[arg-type]

    def link(self, name: str | bytes, target: str | bytes, **fields: object) -> Tar:
        return self.entry(name, b"1", link=target, **fields)  # type: ignore[arg-type]

    def char(self, name: str | bytes, major: int, minor: int, **fields: object) -> Tar:
        return self.entry(name, b"3", major=major, minor=minor, **fields)  # type: ignore[arg-type]

    def block(self, name: str | bytes, major: int, minor: int, **fields: object) -> Tar:
        return self.entry(name, b"4", major=major, minor=minor, **fields)  # type: ignore[arg-type]

    def fifo(self, name: str | bytes, **fields: object) -> Tar:
        return self.entry(name, b"6", **fields)  # type: ignore[arg-type]

    def whiteout(self, name: str) -> Tar:
        """Hides `name` of the lower layers."""
        directory, slash, base = name.rpartition("/")
        return self.file(f"{directory}{slash}.wh.{base}")

    def opaque(self, directory: str = "") -> Tar:
        return self.file(f"{directory}/.wh..wh..opq" if directory else ".wh..wh..opq")

    def bytes(self) -> bytes:
        return b"".join(self.parts) + bytes(2 * BLOCK)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def chunked(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    """`data` as a stream arrives, in chunks of `size` bytes."""
    return (data[start : start + size] for start in range(0, len(data), size))


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def diff_id(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


ESCAPES: list[tuple[str, Callable[[str], Tar]]] = [
    ("dotdot name", lambda _: Tar().file("../escaped", b"x")),
    ("deep dotdot name", lambda _: Tar().dir("a").file("a/b/../../../escaped", b"x")),
    ("absolute name", lambda out: Tar().file(f"{out}/escaped", b"x")),
    ("absolute link, then through it", lambda out: Tar().symlink("link", out).file("link/escaped", b"x")),
    (
        "relative link, then through it",
        lambda out: Tar().symlink("link", "../" * 40 + out[1:]).file("link/escaped", b"x"),
    ),
    (
        "link to link, then through it",
        lambda out: Tar().symlink("one", "..").symlink("two", f"one/..{out}").file("two/escaped", b"x"),
    ),
    (
        "link made under a link",
        lambda out: Tar().symlink("l", "/").symlink("l/m", f"..{out}").file("l/m/escaped", b"x"),
    ),
    ("directory over a link", lambda out: Tar().symlink("link", out).dir("link/").file("link/escaped", b"x")),
    ("file over a link", lambda out: Tar().symlink("link", f"{out}/escaped").file("link", b"x")),
    ("hard link to outside", lambda out: Tar().link("got", f"{out}/secret").file("got", b"x")),
    ("hard link by dotdot", lambda out: Tar().link("got", "../" * 40 + f"{out[1:]}/secret")),
    ("hard link through a link", lambda out: Tar().symlink("link", out).link("got", "link/secret")),
    (
        "hard link to a link, then written",
        lambda out: Tar().symlink("s", f"{out}/secret").link("h", "s").file("h", b"x"),
    ),
    ("whiteout of dotdot", lambda _: Tar().dir("a").file("a/.wh...", b"")),
    ("whiteout of dot", lambda _: Tar().dir("a").file("a/.wh..", b"")),
    ("whiteout through a link", lambda out: Tar().symlink("link", out).whiteout("link/secret")),
    ("opaque through a link", lambda out: Tar().symlink("link", out).opaque("link")),
    ("device through a link", lambda out: Tar().symlink("link", out).char("link/escaped", 1, 3)),
    ("symlink through a link", lambda out: Tar().symlink("link", out).symlink("link/escaped", "x")),
    ("attributes through a link", lambda out: Tar().symlink("link", out).dir("link/./", mode=0o7777, uid=7)),
    ("PAX path with dotdot", lambda _: Tar().file("ok", b"x", records={b"path": b"../escaped"})),
    ("PAX link path to outside", lambda out: Tar().link("ok", "x", records={b"linkpath": f"../{out}/secret".encode()})),
    ("global PAX path", lambda _: Tar().pax({b"path": b"../escaped"}, b"g").file("ok", b"x")),
    ("GNU long name with dotdot", lambda _: Tar().raw(long_name(b"../escaped")).file("ok", b"x")),
    ("link swapped in between", lambda out: Tar().dir("d").file("d/a", b"").symlink("d", out).file("d/escaped", b"x")),
    (
        "link swapped in above",
        lambda out: Tar().dir("d/e").file("d/e/a").symlink("d", f"{out}/..").file("d/e/escaped", b"x"),
    ),
]
"""(name, builder): given a directory outside the root that holds `secret`, an archive that tries to change it."""


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    """A GNU long name (`L`) or long link target (`K`) for the entry that follows."""
    return header(b"././@LongLink", kind, size=len(name) + 1, gnu=True) + padded(name + b"\0")


def gnu_sparse(name: bytes, pieces: Sequence[tuple[int, bytes]], size: int) -> bytes:
    """An old GNU sparse file: data at offsets, the rest a hole."""
    numbers = [number(offset, 12) + number(len(data), 12) for offset, data in pieces]
    stored = b"".join(data for _, data in pieces)
    first, rest = numbers[:4], numbers[4:]
    tail = bytes(41) + b"".join(first).ljust(96, b"\0") + (b"\1" if rest else b"\0") + number(size, 12)
    out = header(name, b"S", size=len(stored), gnu=True, tail=tail)
    while rest:
        part, rest = rest[:21], rest[21:]
        out += (b"".join(part).ljust(504, b"\0") + (b"\1" if rest else b"\0")).ljust(BLOCK, b"\0")
    return out + padded(stored)


def pax_sparse(version: str, name: bytes, pieces: Sequence[tuple[int, bytes]], size: int) -> Tar:
    """A PAX sparse file of GNU's version 0.0, 0.1 or 1.0."""
    stored = b"".join(data for _, data in pieces)
    spans = [(offset, len(data)) for offset, data in pieces]
    text = str(size).encode()
    tar = Tar()
    if version == "1.0":
        numbers = [len(spans), *(value for span in spans for value in span)]
        table = padded(b"".join(b"%d\n" % value for value in numbers))
        tar.pax(
            {
                b"GNU.sparse.major": b"1",
                b"GNU.sparse.minor": b"0",
                b"GNU.sparse.name": name,
                b"GNU.sparse.realsize": text,
            }
        )
        return tar.raw(header(b"GNUSparseFile.0/x", size=len(table) + len(stored)) + table + padded(stored))
    records = [(b"GNU.sparse.size", text), (b"GNU.sparse.numblocks", b"%d" % len(spans))]
    if version == "0.1":
        records += [(b"GNU.sparse.name", name), (b"GNU.sparse.map", b",".join(b"%d,%d" % span for span in spans))]
    else:
        for offset, length in spans:
            records += [(b"GNU.sparse.offset", b"%d" % offset), (b"GNU.sparse.numbytes", b"%d" % length)]
    tar.pax(records)
    return tar.raw(header(name if version == "0.0" else b"GNUSparseFile.0/x", size=len(stored)) + padded(stored))


def of_tarfile(fill: Callable[[object], None], format: int) -> bytes:
    """What Python's tarfile writes, for archives of another maker."""
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        fill(archive)
    return out.getvalue()
