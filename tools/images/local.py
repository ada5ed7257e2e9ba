"""Images that are in the store: found by name, digest or document, and made ready to run.

This is on the hot path of ctr-run: nothing here imports what only a pull needs.
"""

from __future__ import annotations

from oci_spec import manifest as manifests
from oci_spec.descriptor import REF_NAME, Descriptor

from ..errors import Corrupt, NotFound
from ..host import machine
from .entry import choose, parse, read_config, refuse_other

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.image_config import ImageConfig
    from oci_spec.manifest import Manifest
    from oci_spec.platform import Platform

    from ..store.leases import Lease
    from ..store.store import Store


def find(store: Store, item: str | dict[str, object]) -> Descriptor:
    """The image that an operand (name, digest, prefix) or a descriptor from a pipe stands for.

    A descriptor is taken by its digest, whether or not the index names it; it keeps its own annotations. Raises
    NotFound, Conflict, FormatError.
    """
    if isinstance(item, str):
        return store.refs.resolve(item)
    wanted = Descriptor.parse(item, "stdin")
    if not store.blobs.exists(wanted):
        name = wanted.annotations.get(REF_NAME)
        raise NotFound(
            name or str(wanted.digest), f"{wanted.digest} is not in the store", "pull it into this store first"
        )
    return wanted


def choose_manifest(store: Store, entry: Descriptor, platform: Platform | None) -> Manifest:
    """The manifest of an entry: itself, or the index's for a platform (None: this host's)."""
    return chosen(store, entry, platform)[1]


def chosen(store: Store, entry: Descriptor, platform: Platform | None) -> tuple[Descriptor, Manifest]:
    """The manifest of an entry with its descriptor, as the index has it. Raises Unsupported, also for a single image
    that is for another platform than was named, NotFound, Corrupt."""
    document = parse(store, entry)
    if isinstance(document, manifests.Index):
        name = entry.name or str(entry.digest)
        entry = choose(document, platform or machine.platform(), name, lambda inner: parse(store, inner))
        document = parse(store, entry)
    else:
        refuse_other(entry.platform, platform, entry.name or str(entry.digest))
    if isinstance(document, manifests.Index):
        raise Corrupt(str(entry.digest), "is an index, but came as a manifest", "pull the image again")
    return entry, document


def ensure_unpacked(store: Store, manifest: Manifest, lease: Lease, jobs: int = 2) -> ImageConfig:
    """Unpacks what is not unpacked yet of an image in the store; its config. Raises Denied, Corrupt, Unavailable."""
    config = read_config(store, manifest)
    chain_ids = config.chain_ids
    lease.add(manifest.digest, manifest.config.digest, *chain_ids)
    if not all(map(store.layers.exists, chain_ids)):
        from ..store.reach import hold
        from .unpack import ImageUnpacker

        hold(store, lease, manifest.descriptor())
        ImageUnpacker(store, manifest, config, lease).unpack_stored(jobs)
    return config
