"""Stacks of layers: the overlay form, mounted by the real kernel, and the plain form show the same tree, whatever the
layers do to each other."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import event, given, settings
from layer_stacks import archive, layers
from layer_trees import apply_plain, shown, snapshot
from tars import Tar

from ocipipe.errors import Corrupt


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
