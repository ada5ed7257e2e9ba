"""An image made ready for a container: found or pulled, unpacked, and held by a lease."""

from __future__ import annotations

from oci_spec.descriptor import REF_NAME

from ..errors import NotFound
from .entry import read_config
from .local import choose_manifest, ensure_unpacked, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document
    from oci_spec.manifest import Manifest
    from oci_spec.platform import Platform

    from ..context import Context
    from ..registry.remote import Access
    from ..store.leases import Lease
    from ..store.store import Store


class RunnableImage:
    """descriptor: of the image as it was named; name: its reference or ''; lowers: overlay lower directories, topmost
    first; chain_ids: of the layers, lowest first."""

    __slots__ = ("chain_ids", "config", "descriptor", "lowers", "name")

    def __init__(self, descriptor: Descriptor, config: ImageConfig, lowers: list[str], chain_ids: list[Digest]) -> None:
        self.descriptor = descriptor
        self.name = descriptor.annotations.get(REF_NAME, "")
        self.config = config
        self.lowers = lowers
        self.chain_ids = chain_ids

    @property
    def names(self) -> dict[str, str]:
        """What it is called, for annotations."""
        return {"image": self.name or str(self.descriptor.digest)}

    @property
    def record(self) -> Document:
        """What a container's record says of it."""
        return {"image": self.descriptor.document, "chainIds": list(self.chain_ids)}


def image_for_run(
    ctx: Context,
    store: Store,
    item: str | dict[str, object],
    lease: Lease,
    *,
    policy: str = "missing",
    platform: Platform | None = None,
    access: Access | None = None,
) -> RunnableImage:
    """The image of an operand or of a document from a pipe, unpacked; its layers are held by `lease`.

    A name is pulled as `policy` says (see pull.pull); a document names content that is here. Raises what find, pull and
    unpacking raise.
    """
    entry = _found_or_pulled(ctx, store, item, policy, platform, access, unpack=True)
    lease.add(entry.digest)
    config = ensure_unpacked(store, choose_manifest(store, entry, platform), lease)
    chain_ids = config.chain_ids
    return RunnableImage(entry, config, store.layers.lowers(chain_ids), chain_ids)


def image_for_copy(
    ctx: Context,
    store: Store,
    item: str | dict[str, object],
    lease: Lease,
    *,
    policy: str = "missing",
    platform: Platform | None = None,
    access: Access | None = None,
) -> tuple[Descriptor, Manifest, ImageConfig]:
    """Entry, manifest and config of an image whose blobs are held by `lease`; the store's layers are left alone.

    As `image_for_run` otherwise.
    """
    entry = _found_or_pulled(ctx, store, item, policy, platform, access, unpack=False)
    lease.add(entry.digest)
    manifest = choose_manifest(store, entry, platform)
    lease.add(manifest.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers))
    return entry, manifest, read_config(store, manifest)


def _found_or_pulled(
    ctx: Context,
    store: Store,
    item: str | dict[str, object],
    policy: str,
    platform: Platform | None,
    access: Access | None,
    *,
    unpack: bool,
) -> Descriptor:
    entry = _find(store, item, policy, platform)
    if entry is not None:
        return entry
    from ..registry.remote import Access
    from .pull import PullOptions, pull

    options = PullOptions(access or Access(), platform=platform, policy=policy, unpack=unpack)
    return pull(ctx, store, str(item), options)


def _find(store: Store, item: str | dict[str, object], policy: str, platform: Platform | None) -> Descriptor | None:
    """What is here and need not be pulled; None when the registry must be asked."""
    if isinstance(item, dict) or policy == "never":
        return find(store, item)
    if policy != "missing":
        return None
    try:
        entry = find(store, item)
    except NotFound:
        return None
    return entry if platform is None or entry.platform in (None, platform) else None
