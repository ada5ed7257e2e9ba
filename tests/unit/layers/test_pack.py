"""layers/changed and layers/pack: the upper directory of a real overlay as changes, and as a layer that shows it."""

from __future__ import annotations

import io
import os
import random
import shutil
import socket
import stat
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from failures import failure
from layer_trees import apply_stack, merged, snapshot
from tars import Tar, chunked

from ocipipe.errors import Unsupported
from ocipipe.host import mounts
from ocipipe.host.beneath import Root
from ocipipe.layers import lowers
from ocipipe.layers.apply import apply_layer
from ocipipe.layers.changed import changes
from ocipipe.layers.pack import pack

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
BASE = (
    Tar().dir("./", mode=0o755, mtime=1)
    .dir("etc").file("etc/passwd", b"p").file("etc/hosts", b"h")
    .dir("d").dir("d/sub").file("d/sub/a", b"a").file("d/sub/b", b"b").file("d/x", b"x")
    .file("f", b"f").link("hard", "f").symlink("link", "d").dir("var").symlink("var/run", "/run").dir("run")
).bytes()  # fmt: skip


class Overlay:
    """A writable overlay of BASE; `tree` is its mount point, `upper` its upper directory."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.layers = apply_stack([BASE], place)
        for name in ("upper", "work", "tree"):
            (place / name).mkdir()
        self.upper, self.tree = place / "upper", place / "tree"
        mounts.overlay(self.layers, str(self.upper), str(place / "work"), str(self.tree), str(place / "l"))

    def changes(self, *machinery: bytes) -> list[tuple[str, str]]:
        with Root.at(str(self.upper)) as root:
            return [(os.fsdecode(one.path), one.kind) for one in changes(root, self.layers, machinery)]

    def pack(self, *machinery: bytes, latest: int | None = None) -> bytes:
        with Root.at(str(self.upper)) as root:
            return b"".join(pack(root, changes(root, self.layers, machinery), latest=latest))

    def names(self) -> list[str]:
        with tarfile.open(fileobj=io.BytesIO(self.pack())) as tar:
            return tar.getnames()


@pytest.fixture
def overlay(tmp_path: Path) -> Iterator[Overlay]:
    made = Overlay(tmp_path)
    yield made
    mounts.unmount(str(made.tree))


def test_nothing_changed(overlay: Overlay) -> None:
    assert overlay.changes() == []
    assert overlay.pack() == bytes(1024)


def test_kinds(overlay: Overlay) -> None:
    tree = overlay.tree
    (tree / "etc/new").write_text("n")
    (tree / "etc/passwd").write_text("changed")
    (tree / "d/x").unlink()
    (tree / "d/sub/b").chmod(0o600)
    (tree / "fresh/inner").mkdir(parents=True)
    (tree / "link").unlink()
    (tree / "link").mkdir()
    assert overlay.changes() == [
        ("d", "changed"), ("d/sub", "changed"), ("d/sub/b", "changed"), ("d/x", "deleted"), ("etc", "changed"),
        ("etc/new", "added"), ("etc/passwd", "changed"), ("fresh", "added"), ("fresh/inner", "added"),
        ("link", "changed"),
    ]  # fmt: skip
    assert overlay.names() == [
        "d", "d/sub", "d/sub/b", "d/.wh.x", "etc", "etc/new", "etc/passwd", "fresh", "fresh/inner", "link",
    ]  # fmt: skip


def test_a_directory_made_anew_hides_the_old_one(overlay: Overlay) -> None:
    shutil.rmtree(overlay.tree / "d")
    (overlay.tree / "d/sub").mkdir(parents=True)
    (overlay.tree / "d/sub/a").write_text("new")
    assert overlay.changes() == [
        ("d", "changed"), ("d/sub", "changed"), ("d/sub/a", "changed"), ("d/sub/b", "deleted"), ("d/x", "deleted"),
    ]  # fmt: skip
    assert overlay.names() == ["d", "d/.wh..wh..opq", "d/sub", "d/sub/a"]


def test_the_root_itself(overlay: Overlay) -> None:
    overlay.tree.chmod(0o700)
    assert overlay.changes() == [("", "changed")]
    assert overlay.names() == ["."]


def test_mount_points_are_left_out(overlay: Overlay) -> None:
    """And what is there only to hold them; not where something else was changed too."""
    tree = overlay.tree
    for name in ("etc/resolv.conf", "data/deep/file"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    (tree / "proc").mkdir()
    points = [b"etc/resolv.conf", b"data/deep/file", b"proc", b"nowhere/x"]
    assert overlay.changes(*points) == []
    assert overlay.pack(*points) == bytes(1024)
    (tree / "data/mine").write_text("")
    assert overlay.changes(*points) == [("data", "added"), ("data/mine", "added")]
    (tree / "data/deep").chmod(0o700)
    assert overlay.changes(*points) == [("data", "added"), ("data/deep", "added"), ("data/mine", "added")]
    (tree / "etc/hosts").unlink()
    assert ("etc", "changed") in overlay.changes(*points)


def test_what_gets_lost_easily(overlay: Overlay, tmp_path: Path) -> None:
    tree = overlay.tree
    program = tree / "program"
    program.write_bytes(b"x" * 3000)
    program.chmod(0o4755)
    os.chown(program, 70_000, 3_000_000)
    program.chmod(0o4755)
    os.setxattr(program, "security.capability", CAPABILITY)
    os.setxattr(program, "user.k", b"\xff")
    os.utime(program, ns=(1, 1_500_000_001))
    os.link(program, tree / "again")
    os.mkfifo(tree / "fifo")
    os.mknod(tree / "null", 0o20666, os.makedev(1, 3))
    os.symlink("x" * 200, tree / "far")
    (tree / os.fsdecode(b"n\xf6t-utf8")).write_text("")
    with open(tree / "sparse", "wb") as file:
        file.truncate(5 << 20)
        file.seek(1 << 20)
        file.write(b"data")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tree / "socket"))
    listening.close()
    assert ("socket", "added") in overlay.changes()
    (tree / "socket").unlink()
    check(overlay, tmp_path)
    packed = tmp_path / "packed"
    assert (packed / "program").stat().st_ino == (packed / "again").stat().st_ino
    assert os.getxattr(packed / "program", "security.capability") == CAPABILITY


def check(overlay: Overlay, place: Path) -> None:
    """The archive, applied as a layer over the same ones, shows what the overlay shows."""
    data = overlay.pack()
    assert overlay.pack() == data
    packed = place / "packed"
    packed.mkdir()
    apply_layer(chunked(data, 4000), str(packed), overlay.layers, whole=True)
    with merged([str(packed), *overlay.layers], place) as target:
        theirs, ours = snapshot(overlay.tree), snapshot(target)
    for tree in (theirs, ours):
        tree[b""].mtime = None  # the root's own entry is there only when its attributes changed
    assert ours == theirs


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_done_to_a_tree(overlay: Overlay, tmp_path: Path, seed: int) -> None:
    """Random changes, by way of the kernel."""
    chance = random.Random(seed)

    def paths(kind: Callable[[int], bool]) -> list[Path]:
        return [path for path in [overlay.tree, *sorted(overlay.tree.rglob("*"))] if kind(path.lstat().st_mode)]

    for number in range(30):
        directory = chance.choice(paths(stat.S_ISDIR))
        action = chance.randrange(7)
        new = directory / f"n{chance.randrange(4)}"
        if action == 0 and not new.exists() and not new.is_symlink():
            new.mkdir()
        elif action == 1 and not new.is_dir():
            new.write_text(str(number))
        elif action == 2 and directory != overlay.tree:
            shutil.rmtree(directory)
        elif action == 3 and (files := paths(stat.S_ISREG)):
            chance.choice(files).unlink()
        elif action == 4 and (files := paths(stat.S_ISREG)) and not os.path.lexists(new):
            os.link(chance.choice(files), new)
        elif action == 5 and (files := paths(stat.S_ISREG)):
            os.replace(chance.choice(files), directory / "moved")
        elif action == 6:
            directory.chmod(chance.choice([0o700, 0o755, 0o1777]))
    check(overlay, tmp_path)
    old, new_tree = snapshot(tmp_path / "layer0"), snapshot(overlay.tree)
    found = dict(overlay.changes())
    assert {path for path, kind in found.items() if kind == "added"} == {
        os.fsdecode(path) for path in new_tree.keys() - old.keys()
    }
    gone = {os.fsdecode(path) for path in old.keys() - new_tree.keys()}
    deleted = {path for path, kind in found.items() if kind == "deleted"}
    assert deleted == {path for path in gone if os.path.dirname(path) not in gone}
    touched = {os.fsdecode(path) for path in new_tree.keys() & old.keys() if new_tree[path] != old[path]} - {""}
    changed = {path for path, kind in found.items() if kind == "changed"}
    assert touched <= changed <= {os.fsdecode(path) for path in old.keys() & new_tree.keys()}


def test_no_younger_than(overlay: Overlay) -> None:
    (overlay.tree / "new").write_text("")
    (overlay.tree / "old").write_text("")
    os.utime(overlay.tree / "old", ns=(5, 5_000_000_000))
    with tarfile.open(fileobj=io.BytesIO(overlay.pack(latest=9_000_000_000))) as tar:
        assert {member.name: member.mtime for member in tar} == {"new": 9, "old": 5}


@pytest.mark.parametrize("name", [".wh.passwd", ".wh..wh..opq"])
def test_a_name_that_would_delete(overlay: Overlay, name: str) -> None:
    (overlay.tree / "etc" / name).write_text("")
    assert ("etc/" + name, "added") in overlay.changes()
    assert "would delete" in failure(overlay.pack, Unsupported)


@pytest.mark.parametrize(
    ("path", "found"),
    [("/var/run/x", "run/x"), ("link/sub/../y", "d/y"), ("a/../../b", "b"), ("/", ""), ("hard/x", "hard/x")],
)
def test_where_a_path_leads(tmp_path: Path, path: str, found: str) -> None:
    layers = [os.fsencode(one) for one in apply_stack([BASE], tmp_path)]
    assert lowers.resolve(layers, path.encode()) == found.encode()


def test_links_in_a_circle(tmp_path: Path) -> None:
    layers = [os.fsencode(one) for one in apply_stack([Tar().symlink("a", "b").symlink("b", "a").bytes()], tmp_path)]
    with pytest.raises(OSError, match="symbolic links"):
        lowers.resolve(layers, b"a/x")
