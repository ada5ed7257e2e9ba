"""layers/extract: members of an archive into a tree that is there, as tar and cp do it; and never out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from failures import failure
from layer_trees import Node, snapshot
from tars import ESCAPES, Tar, chunked, gnu_sparse

from oci_spec.tarstream import Reader
from ocipipe.errors import Conflict, Corrupt, OcipipeError
from ocipipe.host.beneath import Root
from ocipipe.layers.confine import Tree
from ocipipe.layers.extract import Extractor
from ocipipe.layers.members import Gathered


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "world" / "root"
    directory.mkdir(parents=True)
    return directory


def extract(
    data: Tar, root: Path, base: str = "", *, owner: tuple[int, int] | None = None, xattrs: bool = True
) -> None:
    tree = Tree(str(root), None, "tree")
    try:
        reader = Reader(chunked(data.bytes(), 700))
        Extractor(tree, reader, "tree", base.encode(), owner=owner, xattrs=xattrs).extract()
    finally:
        tree.close()


def test_replaces_and_merges(root: Path) -> None:
    (root / "base/d/kept").mkdir(parents=True)
    (root / "base/f").write_text("old")
    (root / "base/l").symlink_to("/etc")
    tar = Tar().dir("./", mode=0o700, mtime=1).dir("d", mode=0o711, uid=5, mtime="9.5").file("d/new", b"1", mtime=7)
    tar.file("f", b"new", mode=0o4755, uid=7, gid=8, xattrs={"user.k": b"v"}).file("l", b"no link").link("h", "f")
    before = root.joinpath("base").stat()
    extract(tar, root, "base")
    tree = snapshot(root / "base")
    assert sorted(tree) == [b"", b"d", b"d/kept", b"d/new", b"f", b"h", b"l"]
    assert (tree[b"d"].mode, tree[b"d"].owner, tree[b"d"].mtime) == (0o711, (5, 0), 9_500_000_000)
    assert (tree[b"f"].content, tree[b"f"].mode, tree[b"f"].owner) == (b"new", 0o4755, (7, 8))
    assert tree[b"f"].xattrs == {"user.k": b"v"}
    assert (root / "base/f").stat().st_ino == (root / "base/h").stat().st_ino
    assert tree[b"l"].content == b"no link"
    assert (root / "base").stat().st_mode == before.st_mode


def test_owner_and_attributes_of_our_choice(root: Path) -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    xattrs = {"user.k": b"v", "security.capability": capability}
    extract(Tar().file("f", b"", uid=7, gid=8, xattrs=xattrs).dir("d", uid=9), root, owner=(1, 2), xattrs=False)
    tree = snapshot(root)
    assert tree[b"f"].owner == tree[b"d"].owner == (1, 2)
    assert tree[b"f"].xattrs == {"security.capability": capability}


def test_whiteouts_are_names_like_any_other(root: Path) -> None:
    (root / "x").write_text("")
    extract(Tar().whiteout("x").opaque("."), root)
    assert sorted(os.listdir(root)) == [".wh..wh..opq", ".wh.x", "x"]


@pytest.mark.parametrize(
    ("tar", "problem"),
    [
        (Tar().file("d", b""), "tree: d: is a directory: a file cannot take its place"),
        (Tar().symlink("d", "x"), "tree: d: is a directory"),
        (Tar().dir("f"), "tree: f: is no directory, and one cannot take its place"),
        (Tar().dir("l"), "tree: l: is no directory"),
        (Tar().file("f/x", b""), "tree: f: is no directory"),
        (Tar().file("nowhere/x", b""), "tree: nowhere: is no directory"),
    ],
)
def test_what_is_in_the_way_stays(root: Path, tar: Tar, problem: str) -> None:
    (root / "d/in").mkdir(parents=True)
    (root / "f").write_text("kept")
    (root / "l").symlink_to("d")
    (root / "nowhere").symlink_to("nothing")
    before = snapshot(root)
    assert failure(lambda: extract(tar, root), Conflict).startswith(problem)
    assert snapshot(root) == before


def test_links_on_the_way_lead_where_the_root_has_it(root: Path) -> None:
    (root / "base").mkdir()
    (root / "usr/lib").mkdir(parents=True)
    (root / "base/lib").symlink_to("/usr/lib")
    (root / "base/up").symlink_to("../../../usr")
    extract(Tar().file("lib/a", b"a").file("up/b", b"b"), root, "base")
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["a", "b"]
    assert (root / "usr/lib/a").read_text() + (root / "usr/b").read_text() == "ab"


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"", "end marker"), (b"garbage", "truncated"), (Tar().file("f", b"x" * 600).bytes()[:-1024], "end marker")],
)
def test_broken_archives(root: Path, data: bytes, problem: str) -> None:
    tree = Tree(str(root), None, "tree")
    extractor = Extractor(tree, Reader([data]), "tree", b"", owner=None, xattrs=True)
    assert problem in failure(extractor.extract, Corrupt)
    tree.close()


@pytest.mark.parametrize("base", ["", "base"])
@pytest.mark.parametrize(("name", "build"), ESCAPES, ids=[name for name, _ in ESCAPES])
def test_no_way_out(root: Path, name: str, build: Callable[[str], Tar], base: str) -> None:
    world = root.parent
    out = world / "out"
    out.mkdir(mode=0o751)
    (root / "base").mkdir()
    (out / "secret").write_text("secret")
    for path in (out / "secret", out):
        os.utime(path, (1, 1))

    def outside() -> dict[bytes, Node]:
        return {path: node for path, node in snapshot(world).items() if path and not path.startswith(b"root")}

    before = outside()
    try:
        extract(build(str(out)), root, base)
    except OcipipeError:
        pass
    assert outside() == before
    assert os.lstat(out / "secret").st_nlink == 1
    assert all(node.content != b"secret" for node in snapshot(root).values())


def test_a_tree_to_a_tree(root: Path, tmp_path: Path) -> None:
    """Without an archive in between: all kinds, hard links, and holes that stay holes."""
    source = tmp_path / "source"
    source.mkdir()
    tar = Tar().dir("./").dir("d", mode=0o1777).file("d/f", b"f" * 5000, mode=0o6755, uid=3, xattrs={"user.k": b"v"})
    tar.link("hard", "d/f").symlink("link", "d").fifo("pipe").char("null", 1, 3)
    tar.raw(gnu_sparse(b"s", [(1 << 20, b"x")], 5 << 20))
    extract(tar, source)
    tree = Tree(str(root), None, "tree")
    with Root.at(str(source)) as top:
        items = ((b"to/" + path if path else b"to", pin, found) for path, pin, found in top.walk())
        Extractor(tree, Gathered(items), "tree", b"", owner=None, xattrs=True).extract()
    tree.close()
    assert snapshot(root / "to") == snapshot(source)
    assert (root / "to/hard").stat().st_nlink == 2
    assert (root / "to/s").stat().st_blocks * 512 < 1 << 20
    assert stat.S_ISFIFO((root / "to/pipe").stat().st_mode)
