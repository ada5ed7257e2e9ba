"""What images need of the store, found by following their documents."""

from __future__ import annotations

from oci_spec import manifest as manifests
from oci_spec import media_types
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError

from ..errors import OcipipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.manifest import Manifest

    from .store import Store


class Reach:
    """What some images need.

    blobs    digest -> descriptor; documents before what they name
    layers   chain ID -> descriptor of a manifest whose image has that layer, lowest first
    unread   digest -> what is wrong with a document that is missing or damaged: what it names is not known
    """

    __slots__ = ("blobs", "layers", "unread")

    def __init__(self) -> None:
        self.blobs: dict[Digest, Descriptor] = {}
        self.layers: dict[Digest, Descriptor] = {}
        self.unread: dict[Digest, OcipipeError | FormatError] = {}

    def add(self, store: Store, root: Descriptor) -> None:
        """Adds what `root` stands for. What is missing or damaged in the store reaches no further."""
        if root.digest in self.blobs:
            return
        self.blobs[root.digest] = root
        if not (media_types.is_index(root.media_type) or media_types.is_manifest(root.media_type)):
            return
        try:
            document = manifests.parse(store.blobs.read(root), root.media_type, str(root.digest))
        except (OcipipeError, FormatError) as error:
            self.unread[root.digest] = error
            return
        if isinstance(document, manifests.Index):
            for entry in document.manifests:
                self.add(store, entry)
        else:
            self._add_parts(store, root, document)

    def _add_parts(self, store: Store, root: Descriptor, manifest: Manifest) -> None:
        self.blobs.setdefault(manifest.config.digest, manifest.config)
        for layer in manifest.layers:
            self.blobs.setdefault(layer.digest, layer)
        if manifest.config.media_type in media_types.CONFIGS:
            try:
                config = ImageConfig.parse(store.blobs.read(manifest.config), str(manifest.config.digest))
            except (OcipipeError, FormatError) as error:
                self.unread[manifest.config.digest] = error
                return
            for chain_id in config.chain_ids:
                self.layers.setdefault(chain_id, root)
