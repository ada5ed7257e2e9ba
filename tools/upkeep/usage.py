"""What takes how much of the store: a document a kind (schema `usage`), or one for each image, container and volume."""

from __future__ import annotations

import os

from ..host import trees
from ..store.container import stood_on
from ..store.reach import Reach
from . import boxes, builds, content, layers, leftovers, volumes
from .finding import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store


def usage(ctx: Context, store: Store, *, each: bool = False) -> Iterator[Document]:
    """What each kind takes; with `each`, what each image, container and volume does instead.

    Bytes are those on the disk. `shared` is needed by more than one image, or stands under more than one;
    `reclaimable` is what would be free if all that no container and no running command uses were removed. What is
    missing or damaged counts for nothing.
    """
    if os.path.isdir(store.root):
        measured = _Measured(ctx, store)
        yield from measured.objects() if each else measured.kinds()


class _Image:
    """One image, under all its names."""

    def __init__(self, store: Store, entry: Descriptor) -> None:
        self.entry = entry
        self.reach = Reach()
        self.reach.add(store, entry)


class _Measured:
    def __init__(self, ctx: Context, store: Store) -> None:
        self._now = ctx.now()
        self._store = store
        self._blobs = {one: trees.size(path) for path, one in content.blobs(store) if one}
        self._layers = {one: trees.size(path) for path, one in layers.layers(store) if one}
        self._leased = leftovers.leased(store)
        self._records = boxes.records(store)[0]
        self._images: dict[Digest, _Image] = {}
        for entry in store.refs.entries():
            known = self._images.get(entry.digest)
            if known is None or not known.entry.name:
                self._images[entry.digest] = _Image(store, entry)
        self._used = {record["image"]["digest"] for record in self._records if "image" in record} | self._leased

    def kinds(self) -> Iterator[Document]:
        """A document a kind."""
        used = [image for one, image in self._images.items() if one in self._used]
        needed = {one for image in self._images.values() for one in image.reach.blobs}
        in_use = {one for image in used for one in image.reach.blobs} | self._leased
        yield _kind(
            "images", len(self._images), len(used), _sum(self._blobs, needed),
            _sum(self._blobs, needed - in_use), _sum(self._blobs, self._shared("blobs")),
        )  # fmt: skip
        built = self._store.builds.needed()[0] & self._blobs.keys()
        orphans = self._blobs.keys() - needed - built
        yield _kind(
            "orphaned blobs", len(orphans), len(orphans & self._leased), _sum(self._blobs, orphans),
            _sum(self._blobs, orphans - self._leased),
        )  # fmt: skip
        mounts = list(self._store.builds.mounts.all())
        size = _sum(self._blobs, built - needed) + sum(trees.size(one.path) for one in mounts)
        count = sum(1 for _ in self._store.builds.all()) + len(mounts)
        active = sum(not builds.is_free(one) for one in mounts)
        yield _kind("build cache", count, active, size, size, _sum(self._blobs, built & needed))
        in_use = {one for record in self._records for one in stood_on(record)} | self._leased
        in_use |= {one for image in used for one in image.reach.layers}
        yield _kind(
            "layers", len(self._layers), len(self._layers.keys() & in_use), sum(self._layers.values()),
            _sum(self._layers, self._layers.keys() - in_use), _sum(self._layers, self._shared("layers")),
        )  # fmt: skip
        sizes = {record["id"]: self._container_size(record) for record in self._records}
        alive = {record["id"] for record in self._records if boxes.is_alive(self._path(record))}
        ended = sum(size for one, size in sizes.items() if one not in alive)
        yield _kind("containers", len(sizes), len(alive), sum(sizes.values()), ended)
        taken = {one.name: trees.size(one.data) for one in volumes.whole(self._store)}
        in_use = volumes.used(self._records).keys() & taken.keys()
        free = sum(size for name, size in taken.items() if name not in in_use)
        yield _kind("volumes", len(taken), len(in_use), sum(taken.values()), free)
        yield from self._rest()

    def _rest(self) -> Iterator[Document]:
        gone = list(leftovers.found(self._store, self._now, 0))
        for kind, plural in (("partial", "partial downloads"), ("lease", "leases"), ("temporary", "temporaries")):
            dead = {one.path: one.size for one in gone if one.kind == kind}
            base = os.path.join(self._store.root, "leases" if kind == "lease" else "partial")
            there = [] if kind == "temporary" else [os.path.join(base, name) for name in content.listed(base)]
            paths = {*dead, *there}
            size = sum(trees.size(path) for path in paths)
            yield _kind(plural, len(paths), len(paths) - len(dead), size, sum(dead.values()))
        journal = self._store.journal
        segments = journal.segments()
        size = sum(trees.size(os.path.join(journal.path, name)) for name in segments)
        yield _kind("event segments", len(segments), len(segments), size, 0)

    def objects(self) -> Iterator[Document]:
        """A document for each image, each container and each volume."""
        shared_blobs, shared_layers = self._shared("blobs"), self._shared("layers")
        for one, image in self._images.items():
            size = _sum(self._blobs, image.reach.blobs) + _sum(self._layers, image.reach.layers)
            shared = _sum(self._blobs, image.reach.blobs.keys() & shared_blobs)
            shared += _sum(self._layers, image.reach.layers.keys() & shared_layers)
            used = one in self._used
            found = _kind("image", 1, int(used), size, 0 if used else size - shared, shared)
            yield {**found, "object": image.entry.document}
        for record in self._records:
            size, alive = self._container_size(record), boxes.is_alive(self._path(record))
            target = place("container", self._store.root, self._path(record), id=record["id"], name=record["name"])
            yield {**_kind("container", 1, int(alive), size, 0 if alive else size), "object": target}
        users = volumes.used(self._records)
        for volume in volumes.whole(self._store):
            size, taken = trees.size(volume.data), volume.name in users
            target = place("volume", self._store.root, volume.path, id=volume.name, name=volume.name)
            yield {**_kind("volume", 1, int(taken), size, 0 if taken else size), "object": target}

    def _path(self, record: dict[str, Any]) -> str:
        return os.path.join(self._store.containers.path, record["id"])

    def _container_size(self, record: dict[str, Any]) -> int:
        return trees.size(self._path(record))

    def _shared(self, part: str) -> set[Digest]:
        """What more than one image needs."""
        once: set[Digest] = set()
        more: set[Digest] = set()
        for image in self._images.values():
            mine = getattr(image.reach, part).keys()
            more |= once & mine
            once |= mine
        return more


def _sum(sizes: dict[Digest, int], wanted: Iterable[str]) -> int:
    return sum(sizes.get(one, 0) for one in wanted)  # type: ignore[call-overload]


def _kind(kind: str, count: int, active: int, size: int, reclaimable: int, shared: int = 0) -> Document:
    return {
        "kind": kind, "count": count, "active": active, "bytes": size, "shared": shared, "reclaimable": reclaimable,
    }  # fmt: skip
