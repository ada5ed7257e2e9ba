"""An image's file system as one archive, without its layers and its config."""

from __future__ import annotations

from ..layers.flatten import flatten
from .local import choose_manifest, ensure_unpacked, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.descriptor import Descriptor
    from oci_spec.platform import Platform

    from ..store.store import Store


def export(
    store: Store, item: str | dict[str, object], platform: Platform | None, write: Callable[[bytes], object]
) -> Descriptor:
    """Writes the merged layers of an image (of an index, the one for `platform`, None: this host's) as a tar archive.

    Returns the image's descriptor. Raises NotFound, Unsupported for what is no image, Denied without root, Corrupt, and
    what `write` raises.
    """
    with store.leases.hold() as lease:
        entry = find(store, item)
        lease.add(entry.digest)
        config = ensure_unpacked(store, choose_manifest(store, entry, platform), lease)
        for chunk in flatten(store.layers.lowers(config.chain_ids)):
            write(chunk)
    return entry
