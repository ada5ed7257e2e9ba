"""Unpacks layers while their archive is still on its way through a pipe.

That is possible where a manifest and its config came before the layers, as img-save writes them, and the layers come
lowest first. It only saves time: what could not be unpacked early is unpacked when the archive has ended.
"""

from __future__ import annotations

from oci_spec import manifest as manifests
from oci_spec.jsondoc import FormatError

from ..errors import OcipipeError
from ..layers.unpack import LayerUnpacker
from ..store.blobs import DOCUMENT_LIMIT
from .entry import is_runnable, read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.image_config import ImageConfig
    from oci_spec.manifest import Manifest
    from oci_spec.platform import Platform

    from ..store.contract import Tap
    from ..store.incoming import Incoming


class EarlyUnpacker:
    """Looks at each blob that comes: a document may announce layers, a layer may be one that was announced."""

    def __init__(self, incoming: Incoming, platform: Platform) -> None:
        self._incoming = incoming
        self._platform = platform
        self._configs: dict[Digest, Manifest] = {}
        self._layers: dict[Digest, tuple[ImageConfig, int]] = {}

    def carry(self, blob: Descriptor, push: Callable[[Tap | None], object]) -> None:
        """Brings a blob in: `push` does that, and feeds its argument. Raises what unpacking raises."""
        config, number = self._layers.pop(blob.digest, (None, 0))
        layers = self._incoming.store.layers
        if config is None or not all(map(layers.exists, config.chain_ids[:number])):
            push(None)
            if blob.size <= DOCUMENT_LIMIT:
                self._look_at(blob)
            return
        chain_ids = config.chain_ids
        lowers = layers.lowers(chain_ids[:number])
        unpacker = LayerUnpacker(self._incoming.store, blob, config.diff_ids[number], chain_ids[number], lowers)
        try:
            push(unpacker.write)
            unpacker.finish()
        except BaseException:
            unpacker.abort()
            raise

    def _look_at(self, blob: Descriptor) -> None:
        """Learns what a manifest or its config says of layers. What is neither, or is damaged, is not judged here."""
        try:
            manifest = self._configs.pop(blob.digest, None)
            if manifest is None:
                data = self._incoming.read(blob)
                if not data.startswith(b"{"):
                    return
                found = manifests.parse(data, None)
                if not isinstance(found, manifests.Manifest) or not is_runnable(found):
                    return
                manifest = found
            if self._incoming.exists(manifest.config):
                self._expect(manifest)
            else:
                self._configs[manifest.config.digest] = manifest
        except (FormatError, OcipipeError):
            return

    def _expect(self, manifest: Manifest) -> None:
        config = read_config(self._incoming.store, manifest)
        if not self._platform.runs(config.platform):
            return
        self._incoming.unpacking(config.chain_ids)
        self._incoming.lease.add(*config.chain_ids)
        for number, layer in enumerate(manifest.layers):
            self._layers.setdefault(layer.digest, (config, number))
