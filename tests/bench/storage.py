"""What one image costs beside many others, in our store and in podman's. A part of bench.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from contenders import Ours, Podman, call
from images import ARCHITECTURE, Layer, image
from tars import Tar

from oci_spec import image_layout
from oci_spec.descriptor import REF_NAME, Descriptor
from ocipipe.images.entry import describe
from ocipipe.store.store import Store

Job = tuple[str, Callable[[], None], list[str], dict[str, str]]
Alternate = Callable[[list[Job]], dict[str, float]]


def fill(root: Path, count: int) -> None:
    """Puts `count` small images into one of our stores, as pulls would leave them, but for the fsyncs."""
    base = Layer(Tar().file("file", b"content").bytes())
    store = Store(str(root)).prepare()
    entries = []
    for number in range(count):
        made = image([base], {"Labels": {"number": str(number)}})
        for digest, data in made.blobs.items():
            (root / "images" / "blobs" / digest.replace(":", "/")).write_bytes(data)
        name = {REF_NAME: f"localhost/bench/many:{number}"}
        entries.append(describe(store, Descriptor.parse(made.root)).annotated(name).document)
    (root / "images" / "index.json").write_bytes(image_layout.dump_index(entries))


def fill_podman(podman: Podman, count: int, directory: Path) -> None:
    """The same images in podman's store: as many containers' images as its database is quickest made with."""
    layer = Layer(Tar().file("file", b"content").bytes(), "none")
    items = []
    archive = Tar().file(f"{layer.diff_id[7:]}.tar", layer.blob)
    for number in range(count):
        config = json.dumps({
            "architecture": ARCHITECTURE, "os": "linux", "config": {"Labels": {"number": str(number)}},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}, "history": [{"created_by": "bench"}],
        }).encode()  # fmt: skip
        archive.file(f"{number}.json", config)
        tags = [f"localhost/bench/many:{number}"]
        items.append({"Config": f"{number}.json", "RepoTags": tags, "Layers": [f"{layer.diff_id[7:]}.tar"]})
    path = directory / f"many-{count}.tar"
    path.write_bytes(archive.file("manifest.json", json.dumps(items).encode()).bytes())
    call(podman.load_archive(path), podman.env)
    path.unlink()


def many(directory: Path, bin: Path, alternate: Alternate) -> Iterator[tuple[str, dict[str, float]]]:
    """Looking at one image, listing all and naming one: in a store of 10 images and in one of 1,000."""
    ours: dict[int, Ours] = {}
    podman: dict[int, Podman] = {}
    for count in (10, 1000):
        places = [directory / f"{letter}{count}" for letter in "op"]  # podman takes no long path
        for place in places:
            place.mkdir()
        ours[count], podman[count] = Ours(places[0], bin), Podman(places[1])
        fill(ours[count].root, count)
        fill_podman(podman[count], count, directory)
    one = "localhost/bench/many:7"
    for work, mine, theirs in (
        ("`img-inspect` of one image", ("img-inspect", one), ("image", "inspect", one)),
        ("`img-ls`", ("img-ls",), ("images",)),
        ("`img-tag`", ("img-tag", one, "localhost/bench/other:1"), ("tag", one, "localhost/bench/other:1")),
    ):
        jobs: list[Job] = []
        for count in (1000, 10):
            label = "" if count == 1000 else ", 10 images"
            jobs.append((f"ocipipe{label}", lambda: None, ours[count].command(*mine), ours[count].env))
            jobs.append((f"podman{label}", lambda: None, podman[count].command(*theirs), podman[count].env))
        yield f"{work}, 1,000 images", alternate(jobs)
    for work, mine, theirs in (
        ("`img-prune`, nothing to remove", ("img-prune",), ("image", "prune", "-f")),
        ("`store-df`", ("store-df",), ("system", "df")),
    ):  # podman takes minutes for these with 1,000
        jobs = [(f"ocipipe{label}", lambda: None, ours[count].command(*mine), ours[count].env)
                for count, label in ((1000, ""), (10, ", 10 images"))]  # fmt: skip
        jobs.append(("podman, 10 images", lambda: None, podman[10].command(*theirs), podman[10].env))
        yield f"{work}, 1,000 images", alternate(jobs)
    blobs = ours[1000].root / "images" / "blobs" / "sha256"
    hashed = ["sh", "-c", f"cd {blobs} && exec sha256sum *"]
    yield "`store-check`, 1,000 images", alternate([
        ("ocipipe", lambda: None, ours[1000].command("store-check"), ours[1000].env),
        ("`sha256sum` of its blobs", lambda: None, hashed, ours[1000].env),
    ])  # fmt: skip
