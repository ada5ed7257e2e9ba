"""A hostile layer changes nothing outside its directory and reads nothing from there, whatever it tries: PITFALLS 1."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from layer_trees import Node, snapshot
from tars import ESCAPES, Tar, chunked

from ocipipe.errors import Corrupt
from ocipipe.layers.apply import apply_layer


def outside(directory: Path) -> dict[bytes, Node]:
    """All there is beside the layer, with owners, modes, times and contents."""
    return {
        path: node for path, node in snapshot(directory).items() if path and not path.startswith((b"root", b"lower"))
    }


@pytest.mark.parametrize("form", ["overlay", "plain"])
@pytest.mark.parametrize(("name", "build"), ESCAPES, ids=[name for name, _ in ESCAPES])
def test_no_way_out(tmp_path: Path, name: str, build: Callable[[str], Tar], form: str) -> None:
    world = tmp_path / "world"
    (world / "root").mkdir(parents=True)
    out = world / "out"
    out.mkdir(mode=0o751)
    (out / "secret").write_text("secret")
    for path in (out / "secret", out):
        os.utime(path, (1, 1))
    before = outside(world)
    refused = False
    try:
        apply_layer(chunked(build(str(out)).bytes(), 333), str(world / "root"), form=form)
    except Corrupt:
        refused = True
    assert outside(world) == before
    assert os.lstat(out / "secret").st_nlink == 1
    for path, node in snapshot(world / "root").items():
        assert node.content != b"secret", path
    assert refused or os.listdir(world / "root"), name


@pytest.mark.parametrize(("name", "build"), ESCAPES, ids=[name for name, _ in ESCAPES])
def test_no_way_out_through_lower_layers(tmp_path: Path, name: str, build: Callable[[str], Tar]) -> None:
    """The same attempts split over two layers: the links below, their use above."""
    world = tmp_path / "world"
    out = world / "out"
    out.mkdir(parents=True)
    (out / "secret").write_text("secret")
    for path in (out / "secret", out):
        os.utime(path, (1, 1))
    parts = build(str(out)).parts
    before = outside(world)
    for split in range(1, len(parts)):
        lower, root = world / f"lower{split}", world / f"root{split}"
        lower.mkdir()
        root.mkdir()
        try:
            apply_layer([b"".join(parts[:split])], str(lower))
            below = snapshot(lower)
            apply_layer([b"".join(parts[split:])], str(root), [str(lower)])
        except Corrupt:
            continue
        finally:
            assert outside(world) == before, name
        assert snapshot(lower) == below
        for path, node in snapshot(root).items():
            assert node.content != b"secret", path


def test_deep_and_wide_trees_can_be_removed_again(tmp_path: Path) -> None:
    from ocipipe.host.trees import remove_tree

    (tmp_path / "root").mkdir()
    apply_layer([Tar().file("d/" * 256 + "f").bytes()], str(tmp_path / "root"))
    remove_tree(str(tmp_path / "root"))
    assert not (tmp_path / "root").exists()
