"""layers/flatten: one archive shows what the kernel's overlay of the layers shows, and is the same each time."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import event, given, settings
from layer_stacks import archive, layers
from layer_trees import apply_plain, apply_stack, merged, snapshot
from tars import Tar, gnu_sparse

from ocipipe.errors import Corrupt
from ocipipe.layers.flatten import flatten


def flat(directories: list[str]) -> bytes:
    return b"".join(flatten(directories))


def linked(root: Path) -> set[frozenset[str]]:
    """The groups of names that are one file."""
    groups = defaultdict(set)
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            groups[os.lstat(path).st_ino].add(os.path.relpath(path, root))
    return {frozenset(group) for group in groups.values() if len(group) > 1}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(layers)
def test_it_shows_what_the_overlay_shows(stack: list[list[tuple]]) -> None:
    archives = [Tar().dir("./", mtime=1).bytes(), *map(archive, stack)]
    with tempfile.TemporaryDirectory(prefix="ocipipe-") as directory:
        place = Path(directory)
        try:
            directories = apply_stack(archives, place)
        except Corrupt:
            event("refused")
            return
        once = flat(directories)
        assert flat(directories) == once
        plain = apply_plain([once], place / "plain")
        with merged(directories, place) as target:
            assert snapshot(plain) == snapshot(target)
            assert linked(plain) == linked(target)
        event(f"{len(snapshot(plain))} paths, {len(linked(plain))} linked")


def test_order_and_kinds(tmp_path: Path) -> None:
    base = Tar().dir("./", mode=0o751).dir("b").file("b/x", b"1").file("b.txt", b"2").dir("a").char("a/null", 1, 3)
    base.fifo("a/pipe").block("a/disk", 8, 1).link("b/y", "b/x").symlink("c", "b")
    upper = Tar().whiteout("b.txt").file("z", b"top", uid=3_000_000, xattrs={"user.k": b"\xff"}, mtime="1.5")
    data = flat(apply_stack([base.bytes(), upper.bytes()], tmp_path))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {member.name: member for member in tar.getmembers()}
    assert list(found) == [".", "a", "a/disk", "a/null", "a/pipe", "b", "b/x", "b/y", "c", "z"]
    assert found["."].mode == 0o751
    assert (found["a/null"].devmajor, found["a/null"].devminor, found["a/disk"].type) == (1, 3, tarfile.BLKTYPE)
    assert (found["b/y"].type, found["b/y"].linkname) == (tarfile.LNKTYPE, "b/x")
    assert (found["z"].uid, found["z"].mtime) == (3_000_000, 1.5)
    assert found["z"].pax_headers["SCHILY.xattr.user.k"] == "\udcff"


def test_holes_are_zeros(tmp_path: Path) -> None:
    data = flat(apply_stack([Tar().raw(gnu_sparse(b"s", [(5000, b"end")], 6000)).bytes()], tmp_path))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        content = tar.extractfile("s").read()  # type: ignore[union-attr]
    assert content == bytes(5000) + b"end" + bytes(997)


def test_no_layers_are_an_empty_archive() -> None:
    with tarfile.open(fileobj=io.BytesIO(flat([]))) as tar:
        assert tar.getmembers() == []
