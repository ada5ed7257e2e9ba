"""What an image needs of the store, and taking away what nothing needs any more.

Removal is ordered so that a crash leaves garbage, never a dangling reference: first the name goes (refs), then, under
the lock that new leases wait for, what neither an entry, a container nor a lease needs.
"""

from __future__ import annotations

import os

from oci_spec import manifest as manifests
from oci_spec import media_types
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError

from ..errors import OcipipeError
from ..host import files, locks
from ..host.trees import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest

    from .store import Store


class Reach:
    """Digests of blobs and chain IDs of layers that some images need."""

    __slots__ = ("blobs", "layers")

    def __init__(self) -> None:
        self.blobs: set[Digest] = set()
        self.layers: set[Digest] = set()

    def add(self, store: Store, root: Descriptor) -> None:
        """Adds what `root` stands for. What is missing or damaged in the store reaches no further."""
        if root.digest in self.blobs:
            return
        self.blobs.add(root.digest)
        if not (media_types.is_index(root.media_type) or media_types.is_manifest(root.media_type)):
            return
        try:
            document = manifests.parse(store.blobs.read(root), root.media_type, str(root.digest))
        except (OcipipeError, FormatError):
            return
        if isinstance(document, manifests.Index):
            for entry in document.manifests:
                self.add(store, entry)
            return
        self.blobs.add(document.config.digest)
        self.blobs.update(layer.digest for layer in document.layers)
        if document.config.media_type in media_types.CONFIGS:
            try:
                config = ImageConfig.parse(store.blobs.read(document.config), str(document.config.digest))
            except (OcipipeError, FormatError):
                return
            self.layers.update(config.chain_ids)


def discard(store: Store, removed: Iterable[Descriptor]) -> int:
    """Deletes what only the `removed` entries needed; the bytes of blobs that went. Call it after their names went."""
    gone = Reach()
    for entry in removed:
        gone.add(store, entry)
    return sweep(store, gone)


def sweep(store: Store, gone: Reach) -> int:
    """Deletes those of these blobs and layers that no entry, container or lease needs; the bytes of blobs that went."""
    freed = 0
    with locks.locked(store.directory("leases")):
        kept = Reach()
        for entry in store.refs.entries():
            kept.add(store, entry)
        used: set[str] = {*store.leases.held(), *store.containers.needed()}
        for chain_id in gone.layers - kept.layers - used:
            _remove_layer(store, chain_id)
        for blob in gone.blobs - kept.blobs - used:  # kept apart: a plain layer's digest is its chain ID as well
            path = store.blobs.path(blob)
            try:
                size = os.stat(path).st_size
            except FileNotFoundError:
                continue
            if files.remove_file(path):
                freed += size
    return freed


def _remove_layer(store: Store, chain_id: Digest) -> None:
    """Out of sight in one rename, so that no command ever sees half a layer; then deleted."""
    place = store.layers.path(chain_id)
    aside = os.path.join(store.layers.path_prefix, files.temporary_name(chain_id.hex))
    try:
        os.rename(place, aside)
    except FileNotFoundError:
        return
    remove_tree(aside)
