"""The fields of tar: headers with their checksum, PAX records, numbers, times and sparse maps; bytes in, values out.

A number, record or map that does not parse is refused: two readers must never see two different archives in one.
"""

from __future__ import annotations

import struct

BLOCK = 512
_FIELDS = struct.Struct("100s8s8s8s12s12s8sc100s6s2x32x32x8s8s155s12x")
_MAX_SIZE = (1 << 63) - 1


class Damaged(Exception):
    """The archive breaks the format; the message says how. Who reads it names the archive and the entry."""


def parse_pax(data: bytes) -> dict[bytes, bytes]:
    """`length key=value\\n` records. The pairs of sparse format 0.0, whose keys repeat, become one 0.1 map."""
    records: dict[bytes, bytes] = {}
    sparse: list[bytes] = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        length = data[position:space] if space > 0 else b""
        end = position + int(length) if length.isdigit() else -1
        if not space < end <= len(data) or data[end - 1] != 10:
            raise Damaged("a PAX record is malformed")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not key or not equals or b"\0" in key:
            raise Damaged("a PAX record is malformed")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            if (key == b"GNU.sparse.offset") != (len(sparse) % 2 == 0):
                raise Damaged("a sparse file's map is out of order")
            sparse.append(value)
        else:
            records[key] = value
        position = end
    if sparse:
        records[b"GNU.sparse.map"] = b",".join(sparse)
    return records


def checked_header(block: bytes) -> tuple[bytes, ...]:
    """The header's fields, its checksum verified (unsigned, or signed as some old programs made it)."""
    fields = _FIELDS.unpack(block)
    try:
        wanted = number(fields[6])
    except Damaged:
        wanted = -1
    if sum(block) - sum(fields[6]) + 256 != wanted:
        signed = sum(struct.unpack("148b8x356b", block)) + 256
        if signed != wanted:
            raise Damaged("a header's checksum is wrong: this is no tar archive, or a damaged one")
    return fields


def number(field: bytes) -> int:
    """An octal number, or one in base 256 when the first bit is set (GNU)."""
    if field[0] & 0x80:
        bits = 8 * len(field) - 1
        value = int.from_bytes(field, "big") & ((1 << bits) - 1)
        return value - (1 << bits) if field[0] & 0x40 else value
    text = field.strip(b" \0").partition(b"\0")[0]
    if not text:
        return 0
    if not text.isdigit():
        raise Damaged("a number in a header is malformed")
    try:
        return int(text, 8)
    except ValueError:
        raise Damaged("a number in a header is malformed") from None


def size_of(field: bytes) -> int:
    value = number(field)
    if not 0 <= value <= _MAX_SIZE:
        raise Damaged(f"an entry says it is {value} bytes long")
    return value


def decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19 or (value := int(text)) > _MAX_SIZE:
        raise Damaged("a number in an extended header is malformed or too large")
    return value


def nanoseconds(text: bytes) -> int:
    """Seconds since the epoch in decimal, perhaps negative, perhaps with a fraction; finer than 1 ns is cut off."""
    negative = text.startswith(b"-")
    whole, _, fraction = text[negative:].partition(b".")
    if fraction and not fraction.isdigit():
        raise Damaged("a time in an extended header is malformed")
    value = decimal(whole or b"0") * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))
    return -value if negative else value


def padded(size: int) -> int:
    return size + -size % BLOCK


def map_numbers(block: bytes, offset: int, count: int) -> list[int]:
    """Offsets and lengths of a sparse map in a header block; the first empty pair ends it."""
    numbers: list[int] = []
    for start in range(offset, offset + 24 * count, 24):
        if not block[start] and not block[start + 12]:
            break
        numbers += (size_of(block[start : start + 12]), size_of(block[start + 12 : start + 24]))
    return numbers


def checked_map(numbers: list[int], size: int, stored: int) -> list[tuple[int, int]]:
    """(offset, length) pairs, ascending, within the file, and as long together as the data that is stored."""
    pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    position = total = 0
    for offset, length in pairs:
        if offset < position or offset + length > size:
            raise Damaged("a sparse file's map overlaps or leaves the file")
        position = offset + length
        total += length
    if len(numbers) % 2 or total != stored:
        raise Damaged("a sparse file's map does not match its data")
    return pairs
