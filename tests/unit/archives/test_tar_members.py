"""archives/tar_members: an archive's files by their paths, and what is no image's archive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tars import Tar, chunked, gnu_sparse

from oci_spec.tarstream import Reader
from ocipipe.archives.members import digest_of, read
from ocipipe.archives.tar_members import COUNT_LIMIT, Table, TarFile
from ocipipe.errors import Corrupt, NotFound


@pytest.fixture
def opened() -> Iterator[object]:
    """A function that opens an archive as a file, beginning at an offset of it."""
    fds: list[int] = []

    def tar_file(tar: Tar | bytes, offset: int = 0) -> TarFile:
        fd = os.memfd_create("archive")
        fds.append(fd)
        os.write(fd, bytes(offset) + (tar.bytes() if isinstance(tar, Tar) else tar))
        os.lseek(fd, offset, os.SEEK_SET)
        return TarFile(fd, "a.tar")

    yield tar_file
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("offset", [0, 7, 512])
def test_members(opened: object, offset: int) -> None:
    large = os.urandom(300_000)
    tar = Tar().dir("./").file("./a", b"first").file("d//./b", large).file("n" * 150, b"long").dir("d")
    found = opened(tar, offset)  # type: ignore[operator]
    assert read(found, "a") == b"first"
    assert read(found, "d/b") == large
    assert read(found, "n" * 150) == b"long"
    member = found.find("d/b")
    assert b"".join(member.open(299_990)) == large[299_990:]
    assert list(member.open(300_000)) == []
    assert digest_of(found.find("a")) == "sha256:a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"
    assert found.find("d") is None
    with pytest.raises(NotFound, match=r"a\.tar: has no e"):
        read(found, "e")
    with pytest.raises(Corrupt, match="at most 100 are read"):
        read(found, "d/b", 100)


def test_links_within_the_archive(opened: object) -> None:
    tar = Tar().symlink("2/layer.tar", "../1/layer.tar").file("1/layer.tar", b"x").link("3/l", "2/layer.tar")
    tar.symlink("4", "3/./l").symlink("5/6/7", "../../4")
    found = opened(tar)  # type: ignore[operator]
    for path in ("1/layer.tar", "2/layer.tar", "3/l", "4", "5/6/7"):
        assert read(found, path) == b"x", path
    assert opened(Tar().symlink("a", "nowhere")).find("a") is None  # type: ignore[operator]


def test_the_same_file_twice_is_one(opened: object) -> None:
    found = opened(Tar().file("a", b"x").file("./a", b"x").symlink("l", "a").symlink("l", "a"))  # type: ignore[operator]
    assert read(found, "l") == b"x"


@pytest.mark.parametrize(
    ("tar", "message"),
    [
        (b"", "a.tar: is empty or cut off"),
        (bytes(512), "a.tar: is empty or cut off"),
        (Tar().file("a", b"x").bytes()[:-1], "a.tar: is cut off: it has no end marker"),
        (Tar().file("a", b"x").bytes()[:-1024], "a.tar: is cut off: it has no end marker"),
        (Tar().file("a", b"x" * 600).bytes()[:700], "a.tar: the archive is truncated in the middle of a file"),
        (Tar().file("a", b"x" * 600).bytes()[:1100], "a.tar: the archive is truncated in the middle of a file"),
        (Tar().file("/a"), "a.tar: /a: is an absolute path"),
        (Tar().file("a/../b"), "a.tar: a/../b: is a path that leads out"),
        (Tar().file("a\xff\n/.."), "is a path that leads out"),
        (Tar().symlink("a", "../b"), "a.tar: a: is a link that leads out"),
        (Tar().symlink("a/b", "../../b"), "a.tar: a/b: is a link that leads out"),
        (Tar().link("a", "../b"), "a.tar: a: is a link that leads out"),
        (Tar().link("a", "/b"), "a.tar: a: is a link to an absolute path"),
        (Tar().file("a", b"x").file("a", b"y"), "a.tar: a: stands in the archive twice"),
        (Tar().file("a", b"x").file("a", b"xx"), "a.tar: a: stands in the archive twice"),
        (Tar().file("a", b"x").symlink("a", "b"), "a.tar: a: stands in the archive twice"),
        (Tar().symlink("a", "b").symlink("a", "c"), "a.tar: a: stands in the archive twice"),
        (Tar().symlink("a", "b").file("a"), "a.tar: a: stands in the archive twice"),
        (Tar().char("a", 1, 3), "a.tar: a: is of type '3'"),
        (Tar().raw(gnu_sparse(b"a", [(5, b"x")], 10)), "a.tar: a: is a sparse file"),
    ],
)
def test_refused(opened: object, tar: Tar | bytes, message: str) -> None:
    with pytest.raises(Corrupt) as caught:
        opened(tar)  # type: ignore[operator]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_links_in_a_circle(opened: object) -> None:
    found = opened(Tar().symlink("a", "b").symlink("b", "a"))  # type: ignore[operator]
    with pytest.raises(Corrupt, match="too many links"):
        found.find("a")


def test_too_many_members() -> None:
    table = Table("many")
    one = Tar().file("x").bytes()[:512]
    reader = Reader(one for _ in range(COUNT_LIMIT + 1))
    with pytest.raises(Corrupt, match=f"more than {COUNT_LIMIT} members"):
        for _ in table.walk(reader):
            pass


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(Tar().file("a", b"x" * 5000).bytes())
    fd = os.open(path, os.O_RDONLY)
    try:
        member = TarFile(fd, "a.tar").find("a")
        os.truncate(path, 2000)
        assert member is not None
        with pytest.raises(Corrupt, match="became shorter"):
            b"".join(member.open())
    finally:
        os.close(fd)


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_any_bytes_are_an_archive_or_refused(data: bytes, size: int) -> None:
    table = Table("any")
    reader = Reader(chunked(data, size))
    with suppress(Corrupt):
        for path, _ in table.walk(reader):
            b"".join(table.content(path, reader))
