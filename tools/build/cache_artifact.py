"""A cache mount as an OCI artifact (image-spec 1.1.1, manifest.md, Guidelines for Artifact Usage): how it gets from one
machine's store into another's.

The artifact has one blob, a tar archive of the mount's files just as they are, names that begin like whiteouts among
them: so it is no layer, and has a type of its own. The same files make the same artifact.
"""

from __future__ import annotations

import os
import time

from oci_spec import digest, media_types
from oci_spec.manifest import Index

from ..errors import Conflict, Corrupt, Denied, NotFound, Unsupported
from ..images.entry import describe, parse
from ..store.incoming import Incoming
from ..store.reach import hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.cache_mounts import CacheMount
    from ..store.store import Store

ARTIFACT = "application/vnd.ocipipe.build.cache-mount.v1"
FILES = f"{ARTIFACT}.tar+gzip"
_POLL_SECONDS = 0.05


def export(ctx: Context, store: Store, id: str, name: str) -> Descriptor:
    """The entry of an artifact of the cache mount's files, under `name` in full; '' gives it none.

    Builds that want the mount wait meanwhile, and we for those that have it. Raises NotFound, Denied without root.
    """
    from ..layers.compression import compress
    from ..layers.tree import archive

    _need_root(ctx, id)
    mount, lock = _taken(store, id)
    if mount is None:
        known = sorted({one.id for one in store.builds.mounts.all()})
        raise NotFound(id, "no such cache mount", f"there are {', '.join(known)}" if known else "there is none yet")
    try:
        with Incoming(store) as incoming:
            blob = incoming.ingest(compress(archive(mount.data), "gzip"), FILES)
            manifest: Document = {
                "schemaVersion": 2,
                "mediaType": media_types.OCI_MANIFEST,
                "artifactType": ARTIFACT,
                "config": incoming.document(media_types.OCI_EMPTY, {}).document,
                "layers": [blob.document],
            }
            root = incoming.document(media_types.OCI_MANIFEST, manifest)
            (entry,) = store.refs.enter([(describe(store, root), name)])
            incoming.keep(entry)
    finally:
        os.close(lock)
    return entry


def take_in(ctx: Context, store: Store, id: str, source: Descriptor, *, replace: bool) -> None:
    """Makes the files of the artifact `source` the cache mount's. One that has files is refused, but with `replace`,
    which waits for the builds that use it. Raises Conflict, Unsupported for no such artifact, Corrupt, Denied."""
    _need_root(ctx, id)
    with store.leases.hold() as lease:
        hold(store, lease, source)
        blob = _files(store, source)
        there, lock = _taken(store, id)
        try:
            if there is not None and os.listdir(there.data) and not replace:
                raise Conflict(id, "the cache mount has files already", "add --replace to put these in their place")
            with store.builds.mounts.making(id) as making:
                _unpack(store, blob, making.data)
                making.mark_filled()
                if not making.place(replacing=there is not None):
                    raise Conflict(id, "a build has begun the cache mount meanwhile", "add --replace, and try again")
        finally:
            if there is not None:
                os.close(lock)


def _need_root(ctx: Context, id: str) -> None:
    if ctx.user:
        raise Denied(id, "cannot be carried by this user", "run as root: its files have their owners")


def _taken(store: Store, id: str) -> tuple[CacheMount | None, int]:
    """The cache mount, and a descriptor that holds its lock for us alone; None where there is none."""
    while (mount := store.builds.mounts.find(id)) is not None:
        lock = mount.take(shared=False)
        if lock >= 0:
            return mount, lock
        time.sleep(_POLL_SECONDS)
    return None, -1


def _files(store: Store, source: Descriptor) -> Descriptor:
    """The blob with the files. Raises Unsupported, Corrupt."""
    manifest = parse(store, source)
    name = source.name or str(source.digest)
    if isinstance(manifest, Index) or manifest.artifact_type != ARTIFACT:
        kind = "an index" if isinstance(manifest, Index) else manifest.artifact_type or "an image"
        raise Unsupported(name, f"is no cache mount but {kind}", "name what cache-export has made")
    for one in manifest.layers:
        if one.media_type == FILES:
            return one
    raise Corrupt(name, "has no files: its manifest names no blob of that type", "have it made again")


def _unpack(store: Store, blob: Descriptor, place: str) -> None:
    """Unpacks the archive; what was unpacked was the whole blob, and nothing else. Raises Corrupt."""
    from ..layers.apply import apply_layer
    from ..layers.compression import decompress
    from ..layers.pipe import hashed

    subject = f"blob {blob.digest}"
    state = digest.hasher(blob.digest.algorithm)
    chunks = iter(hashed(store.blobs.open(blob), state))
    apply_layer(decompress(chunks, subject), place, form="exact", whole=True, subject=subject)
    _drain(chunks)
    if state.hexdigest() != blob.digest.hex:
        raise Corrupt(subject, "is not what its digest says", "pull it again")


def _drain(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass
