"""The layout's own files made again: the index from its copy, or from what can still be read of it and of the rest."""

from __future__ import annotations

import os

from oci_spec import image_layout, media_types
from oci_spec import manifest as manifests
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

from ..errors import NotFound, OcipipeError
from ..host import files, locks
from ..images.entry import describe
from ..store.blobs import DOCUMENT_LIMIT
from ..store.reach import Reach
from . import index as looked
from .boxes import records
from .content import blobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.digest import Digest

    from ..store.store import Store


def layout(store: Store) -> bool:
    """Writes oci-layout if it is missing or damaged."""
    if not any(looked.layout(store)):
        return False
    files.write_atomic(os.path.join(store.images, "oci-layout"), image_layout.LAYOUT)
    return True


def spare(store: Store) -> bool:
    """Writes the index's copy if it is not what the index says."""
    with locks.locked(store.images):
        entries = store.refs.entries()
        if store.refs.spare_entries() == entries:
            return False
        store.refs.write([entry.document for entry in entries])
    return True


def index(store: Store, warn: Callable[[str], None]) -> bool:
    """Writes the index if it is missing or damaged: as its copy has it, else with every image that can be found.

    Without a copy, names come from the entries that can still be read and from containers; the rest of the images have
    none, and a warning says so.
    """
    if looked.read(store)[1] is None:
        return False
    lost = not os.path.isdir(store.images)
    if lost:
        store.prepare()
    with locks.locked(store.images):
        if looked.read(store)[1] is None and not (lost and not store.refs.entries()):
            return False  # another command was faster
        entries = store.refs.spare_entries()
        if entries is None:
            entries = list(_found(store))
            unnamed = sum(entry.name is None for entry in entries)
            if unnamed:
                warn(
                    f"{store.refs.path}: {unnamed} images have lost their names; img-ls shows them, img-tag names them"
                )
        store.refs.write([entry.document for entry in entries])
    return True


def _found(store: Store) -> Iterator[Descriptor]:
    """Every image of the store, under the names that something still tells of."""
    reach = Reach()
    seen: set[tuple[str | None, Digest]] = set()
    for entry in [*_readable_entries(store), *_of_containers(store)]:
        if (entry.name, entry.digest) not in seen and store.blobs.damage(entry) is None:
            seen.add((entry.name, entry.digest))
            reach.add(store, entry)
            yield entry
    others = {blob.digest: blob for blob in _documents(store) if blob.digest not in reach.blobs}
    named = Reach()
    for blob in others.values():
        below = Reach()
        below.add(store, blob)
        del below.blobs[blob.digest]
        named.blobs.update(below.blobs)
    for blob in others.values():
        if blob.digest not in named.blobs:
            try:
                yield describe(store, blob)
            except OcipipeError:
                yield blob  # damaged further down: store-check tells of it when it has an entry


def _readable_entries(store: Store) -> Iterator[Descriptor]:
    """The entries that a damaged index still holds whole: every object in its text that is one."""
    from json import JSONDecoder

    try:
        text = files.read_limited(store.refs.path, 64 << 20).decode("utf-8", "replace")
    except (OcipipeError, OSError):
        return
    decoder = JSONDecoder()
    position = text.find("{", text.find('"manifests"'))
    while position >= 0:
        try:
            value, after = decoder.raw_decode(text, position)
            yield Descriptor.parse(value, "index.json")
        except (ValueError, RecursionError, FormatError):
            after = position + 1
        position = text.find("{", after)


def _of_containers(store: Store) -> Iterator[Descriptor]:
    """The images of containers, as they were named when those were made."""
    for record in records(store)[0]:
        if "image" not in record:
            continue
        try:
            yield Descriptor.parse(record["image"], "record")
        except FormatError:
            continue


def _documents(store: Store) -> Iterator[Descriptor]:
    """Every manifest and index among the blobs, by what it says itself or by its fields."""
    for path, found in blobs(store):
        if found is None:
            continue
        try:
            size = os.stat(path).st_size
            if size > DOCUMENT_LIMIT:
                continue
            blob = Descriptor({"mediaType": media_types.OCI_MANIFEST, "digest": found, "size": size})
            data = store.blobs.read(blob)
            if not data.lstrip().startswith(b"{"):
                continue
            document = manifests.parse(data, None, str(found))
        except (OcipipeError, FormatError, NotFound, OSError):
            continue
        yield document.descriptor()
