"""What is measured on: a Debian base of one layer and one of ten, each about 95 MB compressed, and a small busybox.

Every round pulls a variant of its own, the same but for one small file in each layer. So no tool has seen it, and none
has to delete what it pulled before: ext4 makes files several times slower for minutes after many were deleted.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

from images import Image, Layer, compress, image, sha256
from rootfs import add, debian_root, tree_tar

FILLING = 44 << 20
"""Bytes that do not compress, to reach the size of an image that people work with."""
CONFIG = {"Cmd": ["bash"], "Env": ["PATH=/usr/bin"]}


class OpenLayer:
    """A layer whose archive has no end yet: `tar` as it stands, and compressed (kept in `cache`)."""

    def __init__(self, tar: bytes, cache: Path) -> None:
        self.tar = tar
        self._hash = hashlib.sha256(tar)
        kept = cache / self._hash.hexdigest()
        if not kept.exists():
            aside = cache / "new"
            aside.write_bytes(compress(tar, "gzip"))
            aside.rename(kept)
        self.compressed = kept.read_bytes()

    def closed(self, name: str, compression: str) -> Layer:
        """The whole layer with one more file, `name`; its gzip stream has two members, as some publishers' do."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            add(tar, name, name.encode())
        if compression == "none":
            return Layer(self.tar + out.getvalue(), "none")
        layer = Layer(out.getvalue())
        state = self._hash.copy()
        state.update(out.getvalue())
        layer.diff_id = f"sha256:{state.hexdigest()}"
        layer.blob = self.compressed + layer.blob
        layer.descriptor |= {"digest": sha256(layer.blob), "size": len(layer.blob)}
        return layer


class Input:
    """An image with as many variants as are asked for."""

    def __init__(self, cache: Path, words: str, tars: list[bytes]) -> None:
        self.words = words
        directory = cache / "bench"
        directory.mkdir(parents=True, exist_ok=True)
        self.layers = [OpenLayer(tar, directory) for tar in tars]
        self.size = sum(len(layer.compressed) for layer in self.layers) // 1_000_000
        """Megabytes as they travel."""

    def variant(self, number: int, compression: str = "gzip") -> Image:
        closed = (layer.closed(f"variant-{place}-{number}", compression) for place, layer in enumerate(self.layers))
        return image(list(closed), CONFIG)


def one_layer(cache: Path) -> Input:
    """Debian and the filling in one layer."""
    return Input(cache, "one layer", [opened(tree_tar(debian_root(cache))) + filling(0, 1)])


def ten_layers(cache: Path) -> Input:
    """The same in ten layers: Debian, and nine of filling."""
    parts = [filling(number, 9) for number in range(9)]
    return Input(cache, "ten layers", [opened(tree_tar(debian_root(cache))), *parts])


def filling(number: int, parts: int) -> bytes:
    """One part of the filling, as an archive without an end."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        count = 320 // parts
        for file in range(count):
            name = f"srv/data/{number}/{file:03}"
            add(tar, name, hashlib.shake_128(name.encode()).digest(FILLING // parts // count))
    return opened(out.getvalue())


def opened(tar: bytes) -> bytes:
    """An archive without its end marker, so that another can follow."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        last = archive.getmembers()[-1]
    return tar[: last.offset_data + -(-(last.size if last.isreg() else 0) // 512) * 512]
