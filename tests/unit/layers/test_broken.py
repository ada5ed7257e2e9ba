"""Archives that are broken or absurd are refused, and the message says which entry and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from tars import Tar, chunked, gnu_sparse, header, long_name, padded, pax_sparse

from ocipipe.errors import Corrupt
from ocipipe.layers.apply import apply_layer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


def apply(tar: Tar | bytes, root: Path) -> None:
    apply_layer(chunked(tar if isinstance(tar, bytes) else tar.bytes(), 700), str(root))


@pytest.mark.parametrize(
    ("tar", "message"),
    [
        (Tar().file("f", b"x" * 5000).bytes()[:2000], "truncated in the middle of a file"),
        (Tar().file("f").bytes()[:300], "truncated in the middle of a header"),
        (b"\x7fELF" + bytes(2000), "checksum"),
        (Tar().raw(bytes(512)).file("f").bytes(), "lone zero block"),
        (Tar().entry("f", b"M").bytes(), "type 'M'"),
        (Tar().entry("", b"0").bytes(), "no name"),
        (Tar().file(".").bytes(), "no name"),
        (Tar().file("f", uid=2**32 - 1).bytes(), "owner is out of range"),
        (Tar().file("f", uid=-5).bytes(), "owner is out of range"),
        (Tar().char("c", 4096, 0).bytes(), "device number"),
        (Tar().symlink("s", "").bytes(), "target is empty"),
        (Tar().link("h", "nothing").bytes(), "which does not exist"),
        (Tar().dir("d").link("h", "d").bytes(), "which is a directory"),
        (Tar().link("h", "").bytes(), "links to no file"),
        (Tar().file("f").file("f/below").bytes(), "no directory"),
        (Tar().symlink("l", "l").file("l/x").bytes(), "too many symbolic links"),
        (Tar().file("x" * 300).bytes(), "file name too long"),
        (Tar().file("d/" * 300 + "f").bytes(), "directories deep"),
        (Tar().file("d/" * 3000 + "f").bytes(), "longer than 4095"),
        (Tar().file("f", records={b"path": b"a\0b"}).bytes(), "zero byte"),
        (Tar().file("f", records={b"size": b"-1"}).bytes(), "malformed"),
        (Tar().file("f", records={b"size": b"99999999999999999999"}).bytes(), "malformed"),
        (Tar().file("f", records={b"mtime": b"soon"}).bytes(), "malformed"),
        (Tar().raw(header(b"x", b"x", size=5) + padded(b"5 a\n\n")).file("f").bytes(), "malformed"),
        (Tar().raw(header(b"x", b"x", size=2 << 20)).bytes(), "at most 1048576"),
        (Tar().raw(header(b"f", size=-1)).bytes(), "-1 bytes long"),
        (Tar().pax({b"path": b"x"}).raw(b"").bytes()[:1024], "after an extended header"),
        (Tar().raw(long_name(b"x")).bytes()[:1024], "after an extended header"),
        (Tar().raw(gnu_sparse(b"s", [(10, b"aa"), (5, b"bb")], 100)).bytes(), "overlaps"),
        (Tar().raw(gnu_sparse(b"s", [(90, b"a" * 20)], 100)).bytes(), "leaves the file"),
        (pax_sparse("0.1", b"s", [(0, b"ab")], 1).bytes(), "leaves the file"),
        (
            Tar().file("s", b"abc", records={b"GNU.sparse.size": b"9", b"GNU.sparse.map": b"0,2"}).bytes(),
            "does not match",
        ),
        (
            Tar().file("s", b"x\n" * 256, records={b"GNU.sparse.major": b"1", b"GNU.sparse.realsize": b"9"}).bytes(),
            "malformed",
        ),
        (
            Tar().file("s", b"1" * 600, records={b"GNU.sparse.major": b"1", b"GNU.sparse.realsize": b"9"}).bytes(),
            "map is truncated",
        ),
        (Tar().file("before").bytes()[:-1024] + b"garbage!" * 64, "^layer: a header's checksum"),
    ],
)
def test_a_broken_archive_is_refused_with_its_reason(root: Path, tar: bytes, message: str) -> None:
    with pytest.raises(Corrupt, match=message) as caught:
        apply(tar, root)
    assert str(caught.value).startswith("layer")
    assert "(the image is broken or hostile" in str(caught.value)


def test_a_huge_sparse_size_takes_no_memory_and_is_said(root: Path) -> None:
    with pytest.raises(Corrupt, match="entry s: "):
        apply(Tar().raw(gnu_sparse(b"s", [], (1 << 63) - 1)), root)
