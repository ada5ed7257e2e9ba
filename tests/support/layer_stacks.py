"""Stacks of layers that do everything to each other, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st
from tars import Tar

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
