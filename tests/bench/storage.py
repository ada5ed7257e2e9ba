"""What one image costs beside many others, in our store and in podman's. A part of bench.py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from contenders import Ours, Podman, Skopeo, call
from images import ARCHITECTURE, Layer, image
from tars import Tar

from oci_spec.descriptor import REF_NAME, Descriptor
from ocipipe.images.entry import describe
from ocipipe.store.store import Store

Job = tuple[str, Callable[[], None], list[str], dict[str, str]]
Alternate = Callable[[list[Job]], dict[str, float]]

FEW, SOME, MANY = 10, 300, 1000
"""Images in a store. podman takes many minutes to load MANY, so it has SOME."""
ONE, OTHER, MOVED = "localhost/bench/many:7", "localhost/bench/many:8", "localhost/bench/moved:1"


def layers(number: int, compression: str) -> list[Layer]:
    """Those of one image: one that all have, and one of its own."""
    return [Layer(Tar().file(name, name.encode()).bytes(), compression) for name in ("base", f"own-{number}")]


def fill(ours: Ours, count: int) -> None:
    """Puts `count` small images into one of our stores, as pulls leave them, but for the fsyncs."""
    store = Store(str(ours.root)).prepare()
    entries = []
    for number in range(count):
        made = image(layers(number, "gzip"), {"Labels": {"number": str(number)}})
        for digest, data in made.blobs.items():
            (ours.root / "images" / "blobs" / digest.replace(":", "/")).write_bytes(data)
        name = {REF_NAME: f"localhost/bench/many:{number}"}
        entries.append(describe(store, Descriptor.parse(made.root)).annotated(name).document)
    store.refs.write(entries)
    names = [f"localhost/bench/many:{number}" for number in range(count)]
    call(ours.command("img-pull", "--policy", "missing", *names), ours.env)  # unpacks the layers


def fill_podman(podman: Podman, count: int, directory: Path) -> None:
    """Puts the same images into podman's store, from one archive."""
    items = []
    archive = Tar()
    for number in range(count):
        mine = layers(number, "none")
        for layer in mine[0 if number == 0 else 1 :]:
            archive.file(f"{layer.diff_id[7:]}.tar", layer.blob)
        config = json.dumps({
            "architecture": ARCHITECTURE, "os": "linux", "config": {"Labels": {"number": str(number)}},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in mine]},
            "history": [{"created_by": "bench"}] * len(mine),
        }).encode()  # fmt: skip
        archive.file(f"{number}.json", config)
        tags = [f"localhost/bench/many:{number}"]
        paths = [f"{layer.diff_id[7:]}.tar" for layer in mine]
        items.append({"Config": f"{number}.json", "RepoTags": tags, "Layers": paths})
    path = directory / f"many-{count}.tar"
    path.write_bytes(archive.file("manifest.json", json.dumps(items).encode()).bytes())
    call(podman.load_archive(path), podman.env)
    path.unlink()


class Many:
    """Stores of few and of many images, ours and podman's; skopeo reads ours, which is a layout that it knows."""

    def __init__(self, directory: Path, bin: Path, alternate: Alternate) -> None:
        self._alternate = alternate
        self._target = directory / "target"
        self._skopeo = Skopeo(directory)
        self._ours: dict[int, Ours] = {}
        self._podman: dict[int, Podman] = {}
        for count in (MANY, FEW):
            self._ours[count] = Ours(_place(directory, f"o{count}"), bin)
            fill(self._ours[count], count)
        for count in (SOME, FEW):
            self._podman[count] = Podman(_place(directory, f"p{count}"))  # it takes no long path
            fill_podman(self._podman[count], count, directory)

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """What is measured, and the medians."""
        yield self._row("`img-ls`", ("img-ls",), podman=("images",))
        yield self._row(
            "`img-inspect` of one image", ("img-inspect", ONE), podman=("image", "inspect", ONE),
            skopeo=("inspect", "oci:{store}:" + ONE),
        )  # fmt: skip
        yield self._row(
            "`img-tag`, a name moved", ("img-tag", ONE, MOVED), podman=("tag", ONE, MOVED), before=self._move
        )
        target = f"oci:{self._target}:1"
        yield self._row(
            "`img-copy` of one image into a layout", ("img-copy", f"store:{ONE}", target),
            podman=("push", "-q", ONE, target), skopeo=("copy", "-q", "oci:{store}:" + ONE, target), before=self._clear,
        )  # fmt: skip
        yield self._row("`img-prune`, nothing to remove", ("img-prune",), podman=("image", "prune", "-f"))
        yield self._row("`store-df`", ("store-df",), podman=("system", "df"))
        for options in ((), ("--fast",), ("--deep",)):
            yield self._row(f"`{' '.join(('store-check', *options))}`", ("store-check", *options))

    def _row(
        self,
        work: str,
        ours: tuple[str, ...],
        podman: tuple[str, ...] = (),
        skopeo: tuple[str, ...] = (),
        before: Callable[[], None] = lambda: None,
    ) -> tuple[str, dict[str, float]]:
        """The same work by all who do it, in stores of all sizes."""
        jobs: list[Job] = []
        for count, one in self._ours.items():
            label = "" if count == MANY else f", {count} images"
            jobs.append((f"ocipipe{label}", before, one.command(*ours), one.env))
            if skopeo:
                argv = ["skopeo", *(word.format(store=one.root / "images") for word in skopeo)]
                jobs.append((f"skopeo{label}", before, argv, self._skopeo.env))
        if podman:
            for count, other in self._podman.items():
                jobs.append((f"podman, {count} images", before, other.command(*podman), other.env))
        return f"{work}, {MANY:,} images", self._alternate(jobs)

    def _move(self) -> None:
        """The name that is tagged stands for another image."""
        for ours in self._ours.values():
            call(ours.command("img-tag", OTHER, MOVED), ours.env)
        for podman in self._podman.values():
            call(podman.command("tag", OTHER, MOVED), podman.env)

    def _clear(self) -> None:
        shutil.rmtree(self._target, ignore_errors=True)


def _place(directory: Path, name: str) -> Path:
    place = directory / name
    place.mkdir()
    return place
