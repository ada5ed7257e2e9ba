"""layers/compression and recompress: streams in and out, whatever their chunks; damage is refused, never passed on."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import threading
import time
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
import zstandard
from tars import chunked, gzipped

from oci_spec.digest import of_bytes
from ocipipe.errors import Corrupt, Unsupported
from ocipipe.layers import compression
from ocipipe.layers.recompress import Recompressed

DATA = b"".join(b"%d some text, and then %r\n" % (number, os.urandom(20)) for number in range(20000))
SKIPPABLE = b"\x53\x2a\x4d\x18" + (7).to_bytes(4, "little") + b"ignored"


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def plain(chunks: Iterable[bytes]) -> bytes:
    return b"".join(compression.decompress(chunks))


COMPRESSED = {
    "none": DATA,
    "gzip": gzipped(DATA),
    "gzip with a name": gzip.compress(b"")[:3] + b"\x08" + gzip.compress(b"")[4:10] + b"name\0" + gzipped(DATA)[10:],
    "gzip members": gzipped(DATA[:5000]) + gzipped(b"") + gzipped(DATA[5000:]),
    "gzip, zeros after": gzipped(DATA) + bytes(1000),
    "gzip, rubbish after": gzipped(DATA) + b"rubbish" * 100,
    "zstd": zstd(DATA),
    "zstd frames": zstd(DATA[:70000]) + zstd(b"") + zstd(DATA[70000:]),
    "zstd, skippable": SKIPPABLE + zstd(DATA) + SKIPPABLE,
    "zstd, rubbish after": zstd(DATA) + b"rubbish" * 100,
}


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_decompress(name: str, size: int) -> None:
    data = COMPRESSED[name]
    if size == 1:
        data = {**COMPRESSED, "none": DATA[:3000]}[name]
    assert plain(chunked(data, size)) == (DATA if name != "none" else data)


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_nothing_is_nothing(chunks: list[bytes]) -> None:
    assert plain(chunks) == b""


@pytest.mark.parametrize("make", [gzipped, zstd])
def test_truncation_is_refused_at_every_length(make: object) -> None:
    whole = make(DATA[:3000])  # type: ignore[operator]
    for length in [*range(6, len(whole), 97), len(whole) - 1]:
        with pytest.raises(Corrupt, match="stream is truncated"):
            plain([whole[:length]])


@pytest.mark.parametrize("make", [gzipped, zstandard.ZstdCompressor(write_checksum=True).compress])
def test_damage_is_refused(make: object) -> None:
    whole = bytearray(make(DATA))  # type: ignore[operator]
    whole[len(whole) // 2] ^= 0x55
    with pytest.raises(Corrupt, match=r"layer: its (gzip|zstd) stream is (damaged|truncated)"):
        plain(chunked(bytes(whole)))


def test_a_wrong_checksum_is_refused() -> None:
    whole = bytearray(gzipped(DATA))
    whole[-6] ^= 1
    with pytest.raises(Corrupt, match="damaged"):
        plain([bytes(whole)])


@pytest.mark.parametrize("data", [lzma.compress(DATA), bz2.compress(DATA)])
def test_other_compressions_are_named(data: bytes) -> None:
    with pytest.raises(Unsupported, match=r"is compressed with (xz|bzip2)"):
        plain([data])


def test_detect() -> None:
    found = [
        compression.detect(data)
        for data in (gzipped(b""), zstd(b""), SKIPPABLE, b"", b"\x1f", DATA, lzma.compress(b""))
    ]
    assert found == ["gzip", "zstd", "zstd", "none", "none", "none", "xz"]


@pytest.mark.parametrize("make", [gzipped, zstandard.ZstdCompressor(level=19).compress])
def test_a_bomb_takes_little_memory(make: object) -> None:
    bomb = make(bytes(300 << 20))  # type: ignore[operator]
    tracemalloc.start()
    try:
        total = sum(map(len, compression.decompress(chunked(bomb, 1 << 20))))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 300 << 20
    assert peak < 160 << 20


@pytest.mark.parametrize("kind", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("source", ["none", "gzip", "zstd"])
def test_recompress_keeps_the_diff_id_and_repeats_itself(source: str, kind: str) -> None:
    made = Recompressed(lambda: chunked(COMPRESSED[source], 5000), kind)
    first = b"".join(made)
    assert made.diff_id == of_bytes(DATA)
    assert compression.detect(first) == kind
    assert plain([first]) == DATA
    assert b"".join(Recompressed(lambda: chunked(COMPRESSED[source], 77777), "none")) == DATA
    assert b"".join(made) == first


def test_recompressed_gzip_says_nothing_of_when_or_where() -> None:
    head = b"".join(Recompressed(lambda: iter([DATA]), "gzip"))[:10]
    assert head[3:8] == bytes(5)  # no flags (so no name), no time


def test_other_programs_read_what_is_compressed() -> None:
    assert gzip.decompress(b"".join(Recompressed(lambda: iter([DATA]), "gzip"))) == DATA
    made = b"".join(Recompressed(lambda: iter([DATA]), "zstd"))
    assert zstandard.ZstdDecompressor().stream_reader(made).read() == DATA


def test_recompress_passes_a_failure_on() -> None:
    with pytest.raises(Corrupt, match="truncated"):
        list(Recompressed(lambda: iter([gzipped(DATA)[:-3]]), "zstd"))


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"compression lzma: is not known \(choose gzip, zstd or none\)"):
        compression.compress(iter([]), "lzma")


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_nothing_compresses_too(kind: str) -> None:
    assert plain(compression.compress(iter([]), kind)) == b""


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_the_number_of_processors_makes_no_difference(kind: str) -> None:
    before = os.sched_getaffinity(0)
    data = random.Random(7).randbytes(3 << 20) + bytes(5 << 20)
    many = b"".join(compression.compress(chunked(data, 99_999), kind))
    try:
        os.sched_setaffinity(0, {min(before)})
        assert b"".join(compression.compress(chunked(data, 1 << 20), kind)) == many
    finally:
        os.sched_setaffinity(0, before)
    assert plain([many]) == data


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressing_ends_when_nobody_reads_on(kind: str) -> None:
    """The threads behind it end too, and the source is not read to its end."""
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield random.Random(taken).randbytes(1 << 20)

    threads = threading.active_count()
    made = compression.compress(endless(), kind)
    next(iter(made))
    made.close()  # type: ignore[attr-defined]
    while threading.active_count() > threads:
        time.sleep(0.01)
    assert taken < 40
