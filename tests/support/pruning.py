"""Stores with something to prune, and what was pruned."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import layout
from commands import Commands
from images import Image, Layer, image
from tars import Tar

NOW = "--older-than=0s"
"""What was made at this moment may go as well."""


def made(word: str, **labels: str) -> Image:
    """An image of two layers, the lower one shared by all of these."""
    lower = Tar().dir("d").file("d/shared", b"shared" * 1000)
    upper = Tar().file(f"own-{word}", word.encode() * 1000)
    return image([Layer(lower.bytes()), Layer(upper.bytes())], {"Labels": labels})


def stored(run: Commands, root: Path, word: str, **labels: str) -> Image:
    """Such an image in the store, unpacked, as localhost/WORD:1."""
    found = made(word, **labels)
    found.into_store(root, f"localhost/{word}:1")
    run("img-pull", "--policy", "missing", f"localhost/{word}:1")
    return found


def aged(root: Path) -> None:
    """Everything in the store was written an hour ago."""
    for path in (root / "images" / "blobs").rglob("*"):
        os.utime(path, (time.time() - 3600,) * 2)


def kinds(documents: list[dict[str, Any]], action: str = "delete") -> list[str]:
    return sorted(one["kind"] for one in documents if one["action"] == action)


def images(run: Commands) -> list[str]:
    entries = run("img-ls").documents
    return sorted(entry["annotations"].get("org.opencontainers.image.ref.name", "none") for entry in entries)


def whole(run: Commands, root: Path) -> None:
    """Nothing is missing, and nothing is left to prune."""
    assert layout.problems(root) == []
    assert run("store-check", "--deep").documents == []
