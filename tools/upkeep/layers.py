"""The unpacked layers of the store: those that containers stand on, those that nothing needs, and what is in them."""

from __future__ import annotations

import os

from oci_spec import digest
from oci_spec import manifest as manifests

from ..errors import Corrupt, NotFound, OcipipeError
from ..host import files
from ..images.entry import parse, read_config
from ..store.container import stood_on
from .content import by_digest, made_again, stray
from .finding import bare, finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..context import Progress
    from ..store.store import Store
    from .content import Expected

SHOWN = 10
"""How many of a layer's differences a finding lists."""


class Stack:
    """Where a layer stands in an image: `descriptor` of its blob, its diff ID, and the chain IDs up to it."""

    __slots__ = ("chain_ids", "descriptor", "diff_id")

    def __init__(self, store: Store, manifest: Descriptor, chain_id: Digest) -> None:
        """Raises NotFound, Corrupt for documents that are not whole, and NotFound for an image without the layer."""
        document = parse(store, manifest)
        assert isinstance(document, manifests.Manifest)
        config = read_config(store, document)
        if chain_id not in config.chain_ids:
            raise NotFound(f"layer {chain_id}", f"is none of {manifest.digest}", "see store-check again")
        position = config.chain_ids.index(chain_id)
        self.descriptor = document.layers[position]
        self.diff_id = config.diff_ids[position]
        self.chain_ids = config.chain_ids[: position + 1]

    def lowers(self, store: Store) -> list[str]:
        """The layers beneath, topmost first. Raises NotFound when one is not unpacked."""
        below = self.chain_ids[:-1]
        for chain_id in below:
            if not store.layers.exists(chain_id):
                raise NotFound(f"layer {chain_id}", "is not unpacked", "repair it first")
        return store.layers.lowers(below)


def layers(store: Store) -> Iterator[tuple[str, Digest | None]]:
    """Path of everything among the unpacked layers, and its chain ID if its name is one; temporaries left out."""
    temporary = os.path.join(store.layers.path_prefix, files.TEMPORARY)
    for path, chain_id in by_digest(store.layers.path_prefix):
        if not path.startswith(temporary):
            yield path, chain_id


def problems(
    store: Store, expected: Expected, there: Iterable[tuple[str, Digest | None]], needed: set[str] | None
) -> Iterator[Document]:
    """Of what is `there`: what is no layer directory, and what nothing needs (unknown when `needed` is None)."""
    for path, chain_id in there:
        if chain_id is None:
            yield stray(store, path)
        elif not os.path.isdir(path):
            if os.path.lexists(path):
                yield damaged(store, expected, chain_id, ["is no directory"])
        elif needed is not None and chain_id not in needed:
            target = place("layer", store.root, path, id=chain_id)
            yield finding("LAYER_ORPHAN", target, "no image, container or running command needs it", garbage=True)


def missing(store: Store, expected: Expected, containers: Iterable[dict[str, Any]]) -> Iterator[Document]:
    """Layers that containers (their records) stand on and that are not there. An image's may be missing: they are
    unpacked when they are needed."""
    users: dict[Digest, list[dict[str, Any]]] = {}
    for record in containers:
        for chain_id in stood_on(record):
            users.setdefault(chain_id, []).append(record)
    for chain_id, records in users.items():
        path = store.layers.path(digest.parse(chain_id))
        if os.path.lexists(path) or not any(_is_there(store, record) for record in records):
            continue
        image = expected.reach.layers.get(chain_id)
        known: dict[str, Any] = {"image": bare(image)} if image else {}
        of = next((record["image"]["digest"] for record in records if "image" in record), "")
        yield finding(
            "LAYER_MISSING", place("layer", store.root, path, id=chain_id), "is not unpacked, and a container needs it",
            containers=[record["name"] for record in records], images=expected.images.get(chain_id, []),
            origins=expected.origins(chain_id), remedy="" if image or not of else f"img-pull {of}",
            **known,
        )  # fmt: skip


def _is_there(store: Store, record: dict[str, Any]) -> bool:
    """Whether the container has not been removed meanwhile, and its layers with it."""
    return os.path.isdir(os.path.join(store.containers.path, record["id"]))


def damaged(store: Store, expected: Expected, chain_id: Digest, found: list[str]) -> Document:
    """The finding about a layer that is not what its blob says; `found` are its differences."""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return _suspect("LAYER_DAMAGED", store, expected, chain_id, found[0] + more, differences=found[:SHOWN])


def _suspect(code: str, store: Store, expected: Expected, chain_id: Digest, problem: str, **more: Any) -> Document:
    """A finding about a layer that is there, for --repair to unpack again if it is not what its blob says."""
    image = expected.reach.layers.get(chain_id)
    if image:
        more["image"] = bare(image)
    return finding(
        code, place("layer", store.root, store.layers.path(chain_id), id=chain_id), problem,
        images=expected.images.get(chain_id, []), origins=expected.origins(chain_id),
        containers=users(store, chain_id), **more,
    )  # fmt: skip


def unusable(store: Store, expected: Expected, chain_id: Digest, error: Corrupt) -> Document:
    """The finding about a layer whose blob is what its digest says, and yet no layer."""
    images = expected.images[chain_id]
    target = place("layer", store.root, store.layers.path(chain_id), id=chain_id)
    remedy = f"img-rm {images[0]}: it was broken before it came here"
    return finding("LAYER_INVALID", target, str(error), images=images, remedy=remedy)


def users(store: Store, chain_id: Digest) -> list[str]:
    """Names of the containers that stand on a layer; one whose record is damaged can't be asked."""
    found = []
    for container_id in store.containers.ids():
        try:
            container = store.containers.load(container_id)
        except OcipipeError:
            continue
        if chain_id in stood_on(container.record):
            found.append(container.name)
    return found


def compared(store: Store, expected: Expected, broken: set[str], progress: Progress) -> Iterator[Document]:
    """Unpacks each layer that is there once more, aside, and tells how the one that is there differs.

    A layer whose blob is `broken` can't be judged, which is a finding of its own: --repair looks once it has the blob.
    Nor can one that stands on a layer that is not there.
    """
    from contextlib import ExitStack

    from ..layers.compare import differences
    from ..layers.unpack import unpack_aside

    fresh: dict[str, str] = {}  # of the damaged layers: what stands on them is unpacked on these
    with ExitStack() as kept:
        for chain_id, manifest in expected.reach.layers.items():
            place = store.layers.path(chain_id)
            try:
                stack = Stack(store, manifest, chain_id)
                lowers = [fresh.get(path, path) for path in stack.lowers(store)]
            except OcipipeError:
                continue
            if not store.layers.exists(chain_id):
                continue
            if stack.descriptor.digest in broken:
                remedy = "" if expected.origins(chain_id) else made_again(expected.images[chain_id][0])
                problem = "its blob is damaged: nothing to compare with"
                yield _suspect("LAYER_UNKNOWN", store, expected, chain_id, problem, remedy=remedy)
                continue
            task = progress.task(f"layer {chain_id.short}", None)
            with ExitStack() as here:
                aside = here.enter_context(store.layers.aside(chain_id))
                try:
                    unpack_aside(store, stack.descriptor, stack.diff_id, lowers, aside.directory)
                except Corrupt as error:
                    yield unusable(store, expected, chain_id, error)
                    continue
                found = list(differences(place, aside.directory, task.advance))
                task.done()
                if found:
                    fresh[place] = aside.directory
                    kept.enter_context(here.pop_all())
                    yield damaged(store, expected, chain_id, found)
