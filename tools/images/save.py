"""Saving images of the store into one archive, which goes out as a stream."""

from __future__ import annotations

from oci_spec import media_types

from ..archives.tar_sink import TarSink
from ..host import machine
from ..store.reach import hold
from ..transfer import Transfer
from .entry import read_config
from .local import choose_manifest, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_spec.descriptor import Descriptor
    from oci_spec.platform import Platform

    from ..archives.tar_sink import Write
    from ..context import Context
    from ..store.store import Store


def save(
    ctx: Context,
    store: Store,
    items: Iterable[str | dict[str, object]],
    write: Write,
    *,
    format: str = "docker",
    platform: Platform | None = None,
) -> list[Descriptor]:
    """Writes an archive of the images that names, digests or descriptors stand for; the images' descriptors.

    Of an index, all is saved, or with `platform` the one image. Everything is looked up before the first byte goes
    out. Raises NotFound, Corrupt, Unsupported for an image without a place in Docker's list, and what `write` raises;
    what was written is then cut off, and every reader notices that.
    """
    with store.leases.hold() as lease:
        roots = []
        for item in items:
            root = entry = find(store, item)
            hold(store, lease, root)
            if platform is not None:
                found = choose_manifest(store, entry, platform)
                if found.digest != entry.digest:
                    root = found.descriptor().annotated(entry.annotations)
            if format == "docker":
                _check_for_docker(ctx, store, root, platform)
            roots.append(root)
        sink = TarSink("the archive", write, (platform or machine.platform()) if format == "docker" else None)
        transfer = Transfer(store.blobs, sink, ctx.progress, jobs=1, lease=lease.add, documents_first=True)
        for root in roots:
            transfer.copy(root)
            sink.tag(root, root.name or "")
        sink.finish()
    return roots


def _check_for_docker(ctx: Context, store: Store, root: Descriptor, platform: Platform | None) -> None:
    """Refuses what `docker load` could not load. Raises Unsupported."""
    manifest = choose_manifest(store, root, platform)
    read_config(store, manifest)
    if any(media_types.layer_compression(layer.media_type) == "zstd" for layer in manifest.layers):
        ctx.progress.warn(f"{root.name or root.digest}: has layers under zstd, which docker loads since version 23")
