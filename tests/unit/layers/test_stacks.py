"""Stacks of layers: the overlay form, mounted by the real kernel, and the plain form show the same tree, whatever the
layers do to each other."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import event, given, settings
from hypothesis import strategies as st
from layer_trees import apply_plain, shown, snapshot
from tars import Tar

from ocipipe.errors import Corrupt

PATHS = ["a", "b", "c", "a/b", "a/c", "b/a", "b/c", "c/a", "a/b/c", "a/b/a", "b/c/a"]
TARGETS = ["a", "b", "../b", "/c", "a/b", ".", "nowhere", "../../a"]

path = st.sampled_from(PATHS)
mode = st.sampled_from([0o755, 0o700, 0o1777, 0o2775, 0o4755])
owner = st.sampled_from([0, 1, 1000])
time = st.integers(1_500_000_000, 1_500_000_009)
xattrs = st.sampled_from([None, {"user.a": b"1"}, {"user.b": b"\xff\x00", "trusted.c": b"x"}])
operation = st.one_of(
    st.tuples(st.just("dir"), path, mode, owner, time, xattrs),
    st.tuples(st.just("dir"), path, mode, owner, time, xattrs),
    st.tuples(st.just("file"), path, mode, owner, time, xattrs),
    st.tuples(st.just("file"), path, mode, owner, time, xattrs),
    st.tuples(st.just("symlink"), path, st.sampled_from(TARGETS), owner, time),
    st.tuples(st.just("link"), path, path),
    st.tuples(st.just("fifo"), path, mode, owner, time),
    st.tuples(st.just("whiteout"), path),
    st.tuples(st.just("opaque"), st.sampled_from(["", *PATHS])),
)
layers = st.lists(st.lists(operation, max_size=7), min_size=1, max_size=4)


def archive(operations: list[tuple]) -> bytes:
    tar = Tar()
    for number, (kind, name, *rest) in enumerate(operations):
        if kind == "dir":
            tar.dir(name, rest[0], uid=rest[1], gid=rest[1], mtime=rest[2], xattrs=rest[3])
        elif kind == "file":
            tar.file(name, b"%d" % number, mode=rest[0], uid=rest[1], gid=rest[1], mtime=rest[2], xattrs=rest[3])
        elif kind == "symlink":
            tar.symlink(name, rest[0], uid=rest[1], gid=rest[1], mtime=rest[2])
        elif kind == "link":
            tar.link(name, rest[0])
        elif kind == "fifo":
            tar.fifo(name, mode=rest[0], uid=rest[1], mtime=rest[2])
        elif kind == "whiteout":
            tar.whiteout(name)
        else:
            tar.opaque(name)
    return tar.bytes()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(layers)
def test_overlay_and_plain_show_the_same(stack: list[list[tuple]]) -> None:
    archives = [Tar().dir("./", mtime=1).bytes(), *map(archive, stack)]
    with tempfile.TemporaryDirectory(prefix="ocipipe-") as directory:
        place = Path(directory)
        overlay_error = plain_error = overlay = plain = None
        try:
            overlay = shown(archives, place)
        except Corrupt as error:
            overlay_error = str(error)
        try:
            plain = snapshot(apply_plain(archives, place / "plain"))
        except Corrupt as error:
            plain_error = str(error)
    event("refused" if plain_error else f"{len(plain or ())} paths")
    assert overlay_error == plain_error
    assert overlay == plain
