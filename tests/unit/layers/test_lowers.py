"""A layer over others: what it hides, keeps, links to and resolves through; PITFALLS 4 to 7 on the real overlayfs."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

import pytest
from layer_trees import apply_plain, apply_stack, merged, shown, snapshot
from tars import Tar, chunked, pax_sparse

from ocipipe.errors import Corrupt
from ocipipe.layers.apply import apply_layer

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
OPAQUE = "trusted.overlay.opaque"
SPARSE = [(4096, b"one"), (1 << 20, b"two" * 1000)]
SIZE = 10 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


def apply(tar: Tar, root: Path) -> None:
    apply_layer(chunked(tar.bytes(), 700), str(root))


MARKS = {"user.mark": b"kept", "security.capability": CAPABILITY}
BASE = (
    Tar()
    .dir("./", mode=0o711, uid=9, mtime=11)
    .dir("etc", mode=0o750, uid=3, gid=4, mtime="22.000000007", xattrs=MARKS)
    .file("etc/one", b"1", mode=0o4711, uid=8, xattrs={"user.f": b"f"}, mtime="5.5")
    .file("etc/two", b"2")
    .dir("usr").dir("usr/lib").file("usr/lib/old", b"o")
    .symlink("lib", "usr/lib")
    .symlink("abs", "/usr/lib")
    .fifo("etc/pipe")
).bytes()  # fmt: skip


def test_a_directory_that_a_layer_does_not_name_keeps_the_lower_ones_attributes(tmp_path: Path) -> None:
    tree = shown([BASE, Tar().file("etc/three", b"3").bytes(), Tar().whiteout("etc/two").bytes()], tmp_path)
    etc = tree[b"etc"]
    assert (etc.mode, etc.owner, etc.mtime) == (0o750, (3, 4), 22_000_000_007)
    assert etc.xattrs == MARKS
    assert (tree[b""].mode, tree[b""].owner, tree[b""].mtime) == (0o711, (9, 0), 11_000_000_000)
    assert sorted(tree) == [
        b"", b"abs", b"etc", b"etc/one", b"etc/pipe", b"etc/three", b"lib", b"usr", b"usr/lib", b"usr/lib/old",
    ]  # fmt: skip


def test_an_opaque_mark_of_a_lower_layer_is_not_copied_up(tmp_path: Path) -> None:
    second = Tar().dir("etc").opaque("etc").file("etc/a").bytes()
    third = Tar().file("etc/b").bytes()
    directories = apply_stack([BASE, second, third], tmp_path)
    assert OPAQUE in os.listxattr(os.path.join(directories[1], "etc"))
    assert OPAQUE not in os.listxattr(os.path.join(directories[0], "etc"))
    with merged(directories, tmp_path) as tree:
        assert sorted(os.listdir(tree / "etc")) == ["a", "b"]


@pytest.mark.parametrize("link", ["lib", "abs"])
def test_parents_resolve_through_a_lower_layers_links(tmp_path: Path, link: str) -> None:
    tree = shown([BASE, Tar().file(f"{link}/new", b"n").whiteout(f"{link}/old").bytes()], tmp_path)
    assert tree[link.encode()].kind == stat.S_IFLNK
    assert tree[b"usr/lib/new"].content == b"n"
    assert b"usr/lib/old" not in tree


def test_a_directory_entry_replaces_a_lower_link(tmp_path: Path) -> None:
    tree = shown([BASE, Tar().dir("lib").file("lib/x").bytes()], tmp_path)
    assert tree[b"lib"].kind == stat.S_IFDIR
    assert b"usr/lib/x" not in tree


def test_a_hard_link_to_a_lower_layer_copies_it_up(tmp_path: Path) -> None:
    second = Tar().link("linked", "etc/one").link("pipe", "etc/pipe").link("slink", "lib").bytes()
    directories = apply_stack([BASE, second], tmp_path)
    with merged(directories, tmp_path) as target:
        tree = snapshot(target)
        assert os.lstat(target / "linked").st_ino == os.lstat(target / "etc/one").st_ino
    assert tree[b"linked"] == tree[b"etc/one"]
    assert (tree[b"linked"].mode, tree[b"linked"].owner, tree[b"linked"].content) == (0o4711, (8, 0), b"1")
    assert (tree[b"linked"].xattrs, tree[b"linked"].mtime) == ({"user.f": b"f"}, 5_500_000_000)
    assert tree[b"etc"].mode == 0o750
    assert tree[b"pipe"].kind == stat.S_IFIFO
    assert tree[b"slink"].content == b"usr/lib"


def test_a_hard_link_to_a_lower_sparse_file_keeps_its_holes(tmp_path: Path) -> None:
    base = pax_sparse("1.0", b"sparse", SPARSE, SIZE).bytes()
    directories = apply_stack([base, Tar().link("hard", "sparse").bytes()], tmp_path)
    upper, lower = os.path.join(directories[0], "hard"), os.path.join(directories[1], "sparse")
    assert Path(upper).read_bytes() == Path(lower).read_bytes()
    assert os.lstat(upper).st_blocks * 512 < SIZE // 2


@pytest.mark.parametrize(
    "between",
    [
        Tar().whiteout("etc/one"),
        Tar().dir("etc").opaque("etc"),
        Tar().whiteout("etc"),
        Tar().file("etc", b"x"),
        Tar().opaque(),
    ],
)
def test_a_hard_link_does_not_reach_what_is_hidden(tmp_path: Path, between: Tar) -> None:
    with pytest.raises(Corrupt, match="which does not exist"):
        apply_stack([BASE, between.bytes(), Tar().link("linked", "etc/one").bytes()], tmp_path)


def test_whiteouts_hide_lower_layers_only_wherever_they_stand(tmp_path: Path) -> None:
    entries = [
        lambda tar: tar.whiteout("etc"),
        lambda tar: tar.opaque("usr"),
        lambda tar: tar.dir("etc", mode=0o700),
        lambda tar: tar.file("etc/new", b"n"),
        lambda tar: tar.file("usr/x", b"u"),
    ]
    trees = []
    for number, order in enumerate([entries, entries[::-1], entries[2:] + entries[:2]]):
        archive = Tar()
        for entry in order:
            entry(archive)
        place = tmp_path / str(number)
        trees.append(shown([BASE, archive.bytes()], place))
        assert trees[-1] == snapshot(apply_plain([BASE, archive.bytes()], place / "plain"))
    assert sorted(trees[0]) == [b"", b"abs", b"etc", b"etc/new", b"lib", b"usr", b"usr/x"]
    assert sorted(trees[1]) == sorted(trees[2]) == sorted(trees[0])


def test_the_overlay_form_is_overlayfs_own(tmp_path: Path) -> None:
    second = Tar().whiteout("etc/one").opaque("usr").whiteout("lib").dir("lib").whiteout("nothing").bytes()
    upper = Path(apply_stack([BASE, second], tmp_path)[0])
    found = os.lstat(upper / "etc/one")
    assert (stat.S_ISCHR(found.st_mode), found.st_rdev) == (True, 0)
    assert os.getxattr(upper / "usr", OPAQUE) == b"y"
    assert sorted(os.listdir(upper)) == ["etc", "lib", "usr"]


def test_a_directory_made_anew_over_a_lower_one_is_opaque(tmp_path: Path) -> None:
    for number, second in enumerate(
        (
            Tar().whiteout("etc").dir("etc"),
            Tar().dir("etc").whiteout("etc"),
            Tar().file("etc").dir("etc"),
            Tar().whiteout("etc").file("etc/x"),
        )
    ):
        tree = shown([BASE, second.bytes()], tmp_path / str(number))
        assert [path for path in tree if path.startswith(b"etc/")] == ([b"etc/x"] if number == 3 else [])


def test_an_opaque_root_hides_everything_below(tmp_path: Path) -> None:
    archives = [BASE, Tar().dir("etc").file("etc/mine").opaque().file("usr/mine").bytes()]
    tree = shown(archives, tmp_path)
    assert sorted(tree) == [b"", b"etc", b"etc/mine", b"usr", b"usr/mine"]
    assert tree == snapshot(apply_plain(archives, tmp_path / "plain"))


def test_special_names_of_aufs_are_passed_over(root: Path) -> None:
    apply(
        Tar().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2").file(".wh..wh.aufs").file("a/.wh..wh.orph").file("f"), root
    )
    assert os.listdir(root) == ["f"]


@pytest.mark.parametrize(
    "name", [".wh.", "a/.wh.", ".wh..", ".wh...", "a/.wh..", "a/.wh...", ".wh.x/y", ".wh..wh..opq/y"]
)
def test_malformed_whiteouts_are_refused(root: Path, name: str) -> None:
    with pytest.raises(Corrupt, match="whiteout"):
        apply(Tar().dir("a").file(name), root)


def test_a_whiteout_of_what_is_not_there_is_harmless(tmp_path: Path) -> None:
    archives = [
        BASE,
        Tar().whiteout("etc/nothing").whiteout("no/such").opaque("none").dir("alone").whiteout("alone/x").bytes(),
    ]
    assert sorted(shown(archives, tmp_path))[:3] == [b"", b"abs", b"alone"]


def test_an_absolute_link_starts_at_the_root_from_anywhere(tmp_path: Path) -> None:
    base = Tar().dir("usr").symlink("usr/abs", "/etc").symlink("usr/up", "../../../etc").dir("etc").bytes()
    tree = shown([base, Tar().file("usr/abs/a").file("usr/up/b").bytes()], tmp_path)
    assert sorted(tree) == [b"", b"etc", b"etc/a", b"etc/b", b"usr", b"usr/abs", b"usr/up"]


def test_a_directory_that_became_a_link_is_forgotten(root: Path) -> None:
    apply(Tar().dir("e").dir("d").file("d/a").symlink("d", "e").file("d/b"), root)
    assert os.listdir(root / "e") == ["b"]


def test_entries_of_a_replaced_directory_are_forgotten(tmp_path: Path) -> None:
    second = Tar().file("etc/one").file("etc").dir("etc").whiteout("etc/one").file("etc/new")
    assert [path for path in shown([BASE, second.bytes()], tmp_path) if path.startswith(b"etc/")] == [b"etc/new"]


def test_what_is_hidden_already_takes_no_second_whiteout(tmp_path: Path) -> None:
    archives = [BASE, Tar().whiteout("etc/one").bytes(), Tar().dir("etc").whiteout("etc/one").bytes()]
    assert os.listdir(os.path.join(apply_stack(archives, tmp_path)[0], "etc")) == []


def test_lower_layers_are_asked_for_only_when_they_are_needed(tmp_path: Path) -> None:
    asked = []

    def lowers() -> list[str]:
        asked.append(True)
        return []

    apply_layer([Tar().dir("./").dir("a").file("a/b").link("c", "a/b").bytes()], str(tmp_path), lowers)
    assert asked == []
    apply_layer([Tar().dir("./").whiteout("x").bytes()], str(tmp_path), lowers)
    assert asked == [True]
