"""What is measured on: a Debian base of one layer and one of ten, each about 95 MB compressed, and a small busybox."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

from images import Image, Layer, image, read_layout
from rootfs import add, debian_root, tree_tar

FILLING = 44 << 20
"""Bytes that do not compress, to reach the size of an image that people work with."""


def noise(size: int, seed: bytes) -> bytes:
    """Bytes that look random, and the same ones every time."""
    return hashlib.shake_128(seed).digest(size)


def filling_tar(parts: int) -> list[bytes]:
    made = []
    for number in range(parts):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            count = 320 // parts
            for file in range(count):
                name = f"srv/data/{number}/{file:03}"
                add(tar, name, noise(FILLING // parts // count, name.encode()))
        made.append(out.getvalue())
    return made


def one_layer(cache: Path, compression: str = "gzip") -> Path:
    """The layout of Debian and the filling in one layer."""

    def make() -> Image:
        root = tree_tar(debian_root(cache))
        (filling,) = filling_tar(1)
        return image([Layer(joined(root, filling), compression)], {"Cmd": ["bash"], "Env": ["PATH=/usr/bin"]})

    return kept(cache, f"bench-one-{compression}", make)


def ten_layers(cache: Path) -> Path:
    """The layout of the same in ten layers: Debian, and nine of filling."""

    def make() -> Image:
        root = tree_tar(debian_root(cache))
        layers = [Layer(root), *(Layer(tar) for tar in filling_tar(9))]
        return image(layers, {"Cmd": ["bash"], "Env": ["PATH=/usr/bin"]})

    return kept(cache, "bench-ten", make)


def joined(first: bytes, second: bytes) -> bytes:
    """One archive of two: the end marker of the first goes."""
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + -(-(last.size if last.isreg() else 0) // 512) * 512
    return first[:end] + second


def kept(cache: Path, name: str, make) -> Path:  # type: ignore[no-untyped-def]
    layout = cache / name
    if not layout.exists():
        aside = cache / f"{name}.new"
        made: Image = make()
        made.write_layout(aside).rename(layout)
    return layout


def size(layout: Path) -> int:
    """Megabytes of all layers as they travel."""
    return sum(int(layer["size"]) for layer in read_layout(layout).document["layers"]) // 1_000_000
