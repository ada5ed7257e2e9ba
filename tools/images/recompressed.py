"""An image of the store with its layers under another compression, for as long as a command needs it.

Only what differs is made. It lies in files without a name: nothing of it is ever seen in the store, and whatever ends
the command takes it along.
"""

from __future__ import annotations

import os
from functools import partial

from oci_spec import descriptor as fields
from oci_spec import digest, jsondoc, media_types
from oci_spec import manifest as manifests

from ..errors import Corrupt, Unavailable, Unsupported
from ..host import files
from ..layers.recompress import Recompressed
from .entry import is_runnable, parse, read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest

    from ..context import Context, Task
    from ..store.store import Store


class Recompression:
    """The store's content (see contract.Content) and what was made anew; for a `with` block."""

    def __init__(self, ctx: Context, store: Store, compression: str) -> None:
        self.name = store.images
        self._ctx = ctx
        self._store = store
        self._compression = compression
        self._documents: dict[Digest, bytes] = {}
        self._layers: dict[Digest, int] = {}

    def __enter__(self) -> Recompression:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._layers.values():
            os.close(fd)

    def read(self, descriptor: Descriptor) -> bytes:
        """See contract.Content."""
        made = self._documents.get(descriptor.digest)
        return self._store.blobs.read(descriptor) if made is None else made

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See contract.Content."""
        fd = self._layers.get(descriptor.digest)
        if fd is None:
            return self._store.blobs.open(descriptor, offset)
        return files.read_chunks(f"/proc/self/fd/{fd}", offset)

    def image(self, root: Descriptor) -> Descriptor:
        """The image `root` with every layer under the compression; `root` itself if nothing changes.

        Raises Unsupported for an index or an artifact, Corrupt for a layer that is not what its config says, NotFound,
        and Unavailable for a full disk.
        """
        manifest = parse(self._store, root)
        if not isinstance(manifest, manifests.Manifest) or not is_runnable(manifest):
            raise Unsupported(
                str(root.digest), "is no single image, its layers cannot be compressed anew", "choose a --platform"
            )
        diff_ids = read_config(self._store, manifest).diff_ids
        layers = [self._layer(layer, diff_id) for layer, diff_id in zip(manifest.layers, diff_ids, strict=True)]
        document: dict[str, object] = {**manifest.document, "layers": [layer.document for layer in layers]}
        if document == manifest.document:
            return root
        if self._compression == "zstd" and manifest.media_type == media_types.DOCKER_MANIFEST:
            document = _as_oci(document)
        data = jsondoc.dumps(document)
        made = fields.Descriptor.make(str(document["mediaType"]), data)
        self._documents[made.digest] = data
        if root.platform is not None:
            made = fields.Descriptor({**made.document, "platform": root.platform.document()})
        return made

    def _layer(self, layer: Descriptor, diff_id: Digest) -> Descriptor:
        if media_types.layer_compression(layer.media_type) in (self._compression, None):
            return layer
        task = self._ctx.progress.task(f"compress {layer.digest.short}", layer.size)
        subject = f"layer {layer.digest}"
        content = Recompressed(partial(_watched, self._store, layer, task), self._compression, subject)
        made = self._kept(content, media_types.layer_type(layer.media_type, self._compression), subject)
        task.done()
        if content.diff_id != diff_id:
            raise Corrupt(subject, f"its diff ID is not {diff_id}", "pull the image again")
        return made

    def _kept(self, chunks: Iterable[bytes], media_type: str, subject: str) -> Descriptor:
        """Writes a layer to a file of its own. Nobody needs it after a power cut, so nothing waits for the disk."""
        import tempfile

        state = digest.hasher()
        try:
            with tempfile.TemporaryFile(dir=self._store.directory("partial"), buffering=0) as file:
                for chunk in chunks:
                    files.write_all(file.fileno(), chunk)
                    state.update(chunk)
                size = file.tell()
                found = digest.Digest(f"sha256:{state.hexdigest()}")
                if found not in self._layers:
                    self._layers[found] = os.dup(file.fileno())
        except OSError as error:
            raise Unavailable(
                subject,
                f"cannot be compressed in {self._store.root}: {os.strerror(error.errno or 0).lower()}",
                "make room, or choose another --root",
            ) from error
        return fields.Descriptor({"mediaType": media_type, "digest": found, "size": size})


def _watched(store: Store, layer: Descriptor, task: Task) -> Iterator[bytes]:
    for chunk in store.blobs.open(layer):
        task.advance(len(chunk))
        yield chunk


def _as_oci(document: dict[str, object]) -> dict[str, object]:
    """A Docker manifest under OCI's media types: Docker's have no zstd layer that other tools read."""
    config = dict(document["config"])  # type: ignore[call-overload]
    config["mediaType"] = media_types.OCI_CONFIG
    layers = []
    for layer in document["layers"]:  # type: ignore[attr-defined]
        kind = media_types.layer_compression(layer["mediaType"])
        layers.append({**layer, "mediaType": media_types.layer_type(media_types.OCI_LAYER, kind)} if kind else layer)
    return {**document, "mediaType": media_types.OCI_MANIFEST, "config": config, "layers": layers}
