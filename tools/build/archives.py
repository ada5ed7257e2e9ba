"""Archives that ADD unpacks: tar, plain or under gzip, zstd, bzip2 or xz, known by what is in them."""

from __future__ import annotations

import os

from oci_spec import media_types, tarstream
from oci_spec.tarfields import Damaged

from ..errors import Corrupt, OcipipeError
from ..host import beneath
from ..layers import compression

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_PIECE = 1 << 20


def is_archive(pin: int) -> bool:
    """Whether a pinned file is one of those: its first member can be read."""
    import stat

    if not stat.S_ISREG(os.fstat(pin).st_mode):
        return False
    found = unpacked(chunks(pin), "")
    try:
        return next(iter(tarstream.Reader(found)), None) is not None
    except (Damaged, OcipipeError):
        return False


def chunks(fd: int) -> Iterator[bytes]:
    """What an open or pinned file holds, from its beginning."""
    inner = os.open(beneath.place(fd), os.O_RDONLY | os.O_CLOEXEC)
    try:
        offset = 0
        while chunk := os.pread(inner, _PIECE, offset):
            offset += len(chunk)
            yield chunk
    finally:
        os.close(inner)


def unpacked(source: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The plain tar in these chunks. Raises Corrupt."""
    first = next(source, b"")
    kind = media_types.detect(first[:6])
    if kind == "bzip2":
        import bz2

        return _by(bz2.BZ2Decompressor, first, source, name, OSError)
    if kind == "xz":
        import lzma

        return _by(lzma.LZMADecompressor, first, source, name, lzma.LZMAError)
    return compression.decompress(_joined(first, source), name)


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _by(
    make: Callable[[], object], first: bytes, rest: Iterator[bytes], name: str, failure: type[Exception]
) -> Iterator[bytes]:
    """Several streams in a row are one, as the programs bzip2 and xz have it."""
    state: Any = make()
    for chunk in _joined(first, rest):
        data = chunk
        while True:
            try:
                piece: bytes = state.decompress(data, _PIECE)
            except failure as error:
                raise Corrupt(name, f"is damaged: {error}", "make the archive again") from None
            if piece:
                yield piece
            if state.eof:
                data = state.unused_data.lstrip(b"\0")
                state = make()
                if not data:
                    break
            elif state.needs_input:
                break
            else:
                data = b""
