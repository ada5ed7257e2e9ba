"""A tar archive of a file system as an image of one layer."""

from __future__ import annotations

from oci_spec import media_types

from ..host import machine
from ..layers.recompress import Recompressed
from ..layers.unpack import LayerUnpacker
from ..store.incoming import Incoming
from . import changes
from .entry import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document
    from oci_spec.platform import Platform

    from ..context import Context
    from ..store.store import Store


def import_tar(
    ctx: Context,
    store: Store,
    chunks: Iterator[bytes],
    archive: str,
    name: str,
    *,
    change: Sequence[str] = (),
    message: str = "",
    platform: Platform | None = None,
) -> Descriptor:
    """Makes an image of the archive in `chunks` (plain, or under gzip or zstd) under `name` in full; '' gives it none.

    The layer is stored under gzip and unpacked. `archive` names the archive in messages and in the history, which
    `message` is the comment of; `change` are instructions (see changes.py). Raises UsageError for a bad one, Corrupt,
    Unsupported, Denied without root, Unavailable; the store is then as before.
    """
    parameters: Document = {}
    changes.apply(parameters, change)
    created = ctx.timestamp()
    comment = {"comment": message} if message else {}
    with Incoming(store.prepare()) as incoming:
        layer = Recompressed(lambda: chunks, "gzip", archive)
        blob = incoming.ingest(layer, media_types.OCI_LAYER_GZIP)
        diff_id = layer.diff_id
        assert diff_id is not None
        config: Document = {
            "created": created,
            **(platform or machine.platform()).document(),
            "config": parameters,
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created": created, "created_by": f"img-import {archive}", **comment}],
        }
        described = incoming.document(media_types.OCI_CONFIG, config)
        document: Document = {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "config": described.document,
            "layers": [blob.document],
        }
        root = incoming.document(media_types.OCI_MANIFEST, document)
        incoming.unpacking([diff_id])
        incoming.lease.add(diff_id)
        LayerUnpacker(store, blob, diff_id, chain_id=diff_id, whole=True).finish()
        (entry,) = store.refs.enter([(describe(store, root), name)])
        incoming.keep(entry)
    return entry
