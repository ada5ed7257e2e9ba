"""oci_spec/tarwriter: what is written is what is read, by us and by others, and the same each time."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from oci_spec import tarwriter
from oci_spec.tarstream import Entry, Reader

NAMES = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and not name.endswith(b"/"))
KEYS = st.binary(min_size=1, max_size=20).filter(lambda key: not set(b"\0=") & set(key))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from(b"0123456"))
    entry = Entry(
        draw(NAMES),
        kind,
        draw(st.integers(0, 0o7777)),
        draw(st.integers(0, 2**32 - 2)),
        draw(st.integers(0, 2**32 - 2)),
        draw(st.sampled_from([0, 1, 511, 512, 513])) if kind == ord("0") else 0,
        draw(st.integers(-(2**40), 2**62)),
    )
    if kind in b"12":
        entry.link = draw(NAMES)
    if kind in b"34":
        entry.major, entry.minor = draw(st.integers(0, 4095)), draw(st.integers(0, 2**20 - 1))
    entry.xattrs = draw(st.dictionaries(KEYS, st.binary(max_size=40), max_size=3)) or None
    return entry


def archive(found: list[Entry]) -> bytes:
    parts = []
    for entry in found:
        parts += [tarwriter.header(entry), b"x" * entry.size, tarwriter.padding(entry.size)]
    return b"".join(parts) + tarwriter.END


@given(st.lists(entries(), max_size=4))
def test_the_reader_gets_every_field(written: list[Entry]) -> None:
    data = archive(written)
    assert archive(written) == data
    reader = Reader([data])
    read = []
    for entry in reader:
        assert b"".join(reader.data()) == b"x" * entry.size
        read.append({name: getattr(entry, name) for name in Entry.__slots__})
    assert reader.complete
    assert read == [{name: getattr(entry, name) for name in Entry.__slots__} for entry in written]


def test_sizes_beyond_octal() -> None:
    entry = Entry(b"large", ord("0"), 0o644, 0, 0, 9 << 30, 0)
    with tarfile.open(fileobj=io.BytesIO(tarwriter.header(entry) + bytes(512))) as tar:
        read = tar.firstmember
    assert read is not None
    assert read.size == 9 << 30


def test_gnu_tar_reads_it(tmp_path: Path) -> None:
    long = b"d/" + b"n" * 120
    odd = Entry(long, ord("0"), 0o4755, 3_000_000, 7, 3, 1_600_000_000_123_456_700)
    link = Entry(b"link", ord("2"), 0o777, 0, 0, 0, 0)
    link.link = b"t" * 110
    path = tmp_path / "a.tar"
    path.write_bytes(tarwriter.header(odd) + b"abc" + tarwriter.padding(3) + tarwriter.header(link) + tarwriter.END)
    listed = subprocess.run(
        ["tar", "--full-time", "--numeric-owner", "-tvf", str(path)], capture_output=True, check=True, text=True
    ).stdout.splitlines()
    assert listed[0].split() == [
        "-rwsr-xr-x", "3000000/7", "3", "2020-09-13", "12:26:40.1234567", long.decode(),
    ]  # fmt: skip
    assert listed[1].endswith(f"link -> {'t' * 110}")
