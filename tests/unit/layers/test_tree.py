"""layers/tree: a directory as an archive and back, with what would mean something else in a layer."""

from __future__ import annotations

import io
import os
import random
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
from layer_trees import snapshot

from ocipipe.errors import Conflict
from ocipipe.layers import members
from ocipipe.layers.apply import apply_layer
from ocipipe.layers.tree import archive


def packed(directory: Path) -> bytes:
    return b"".join(archive(str(directory)))


def unpacked(data: bytes, directory: Path) -> Path:
    directory.mkdir()
    apply_layer([data], str(directory), form="exact", whole=True)
    return directory


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Everything a file system has, and names and attributes that overlayfs or image-spec would take for marks."""
    root = tmp_path / "tree"
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / ".wh.file").write_bytes(b"no whiteout")
    (root / "d" / ".wh..wh..opq").write_bytes(b"")
    (root / "d" / "hard").write_bytes(b"linked")
    os.link(root / "d" / "hard", root / "hard")
    os.symlink("/etc/passwd", root / "link")
    os.symlink("d", root / "d" / "e" / "up")
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(root / "zero", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    os.mkfifo(root / "fifo")
    (root / "suid").write_bytes(b"s")
    os.chown(root / "suid", 7, 3_000_000)
    os.chmod(root / "suid", 0o4755)
    os.setxattr(root / "d", "trusted.overlay.opaque", b"y")
    os.setxattr(root / "suid", "user.k", b"\xff\0v")
    os.setxattr(root / "suid", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
    (root / os.fsdecode(b"\xffname")).write_bytes(b"x")
    (root / ("long" * 60)).write_bytes(b"y")
    os.chmod(root, 0o1750)
    for path in (*root.rglob("*"), root):
        os.utime(path, ns=(0, 1_600_000_000_123_456_789), follow_symlinks=False)
    return root


def test_there_and_back(tree: Path, tmp_path: Path) -> None:
    data = packed(tree)
    assert packed(tree) == data
    again = unpacked(data, tmp_path / "again")
    assert snapshot(again) == snapshot(tree)
    assert os.stat(again / "hard").st_ino == os.stat(again / "d" / "hard").st_ino
    assert packed(again) == data


def test_gnu_tar_reads_it(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(packed(tree))
    out = tmp_path / "out"
    out.mkdir()
    options = ["--xattrs", "--xattrs-include=*", "--numeric-owner"]
    subprocess.run(["tar", *options, "-C", str(out), "-xpf", str(tmp_path / "a.tar")], check=True)
    assert snapshot(out) == snapshot(tree)


HOLES = {
    "empty": (0, []), "only a hole": (1 << 20, []), "at the beginning": (1 << 20, [((1 << 20) - 4096, 4096)]),
    "at the end": (1 << 20, [(0, 5)]), "between": (3 << 20, [(0, 4096), (1 << 20, 9000), ((3 << 20) - 1, 1)]),
    "none": (9000, [(0, 9000)]),
}  # fmt: skip


@pytest.mark.parametrize("name", HOLES)
def test_holes(name: str, tmp_path: Path) -> None:
    size, pieces = HOLES[name]
    tree = tmp_path / "tree"
    tree.mkdir()
    place = tree / ("long" * 40)
    with place.open("wb") as file:
        file.truncate(size)
        for offset, length in pieces:
            file.seek(offset)
            file.write(random.Random(1).randbytes(length))
    os.utime(place, (5, 5))
    data = packed(tree)
    assert len(data) < sum(length for _, length in pieces) + 40_000
    again = unpacked(data, tmp_path / "again")
    assert snapshot(again) == snapshot(tree)
    assert os.stat(again / place.name).st_blocks == place.stat().st_blocks
    assert packed(again) == data
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.extractfile(place.name).read() == place.read_bytes()  # type: ignore[union-attr]
    (tmp_path / "a.tar").write_bytes(data)
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-C", str(tmp_path / "out"), "-xpf", str(tmp_path / "a.tar")], check=True)
    assert (tmp_path / "out" / place.name).read_bytes() == place.read_bytes()


def test_more_pieces_than_a_map_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "_MOST_PIECES", 1)
    (tmp_path / "tree").mkdir()
    with (tmp_path / "tree" / "file").open("wb") as file:
        for offset in (0, 1 << 16, 1 << 17):
            file.seek(offset)
            file.write(b"x")
    again = unpacked(packed(tmp_path / "tree"), tmp_path / "again")
    assert (again / "file").read_bytes() == (tmp_path / "tree" / "file").read_bytes()


def test_what_goes_meanwhile_is_left_out_and_what_shrinks_is_an_error(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(name.encode() * 3_000_000)
    parts = archive(str(tmp_path))
    found = [next(parts), next(parts)]
    (tmp_path / "b").unlink()
    with tarfile.open(fileobj=io.BytesIO(b"".join([*found, *parts]))) as tar:
        assert tar.getnames() == [".", "a", "c"]
    parts = archive(str(tmp_path))
    found = [next(parts), next(parts), next(parts)]
    os.truncate(tmp_path / "a", 5)
    with pytest.raises(Conflict, match="shorter"):
        list(parts)


def test_what_is_mounted_in_it_is_not_in_it(tmp_path: Path) -> None:
    (tmp_path / "tree" / "m").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "t", str(tmp_path / "tree" / "m")], check=True)
    try:
        (tmp_path / "tree" / "m" / "inner").write_text("x")
        data = packed(tmp_path / "tree")
    finally:
        subprocess.run(["umount", str(tmp_path / "tree" / "m")], check=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert "m/inner" not in tar.getnames()
