"""What images need of the store, found by following their documents."""

from __future__ import annotations

from oci_spec import manifest as manifests
from oci_spec import media_types
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError

from ..errors import NotFound, OcipipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.manifest import Manifest

    from .leases import Lease
    from .store import Store


class Reach:
    """What some images need.

    blobs      digest -> descriptor
    documents  digest -> descriptor of the manifests and indexes that were read, each after what it names
    layers     chain ID -> descriptor of a manifest whose image has that layer, lowest first
    unread     digest -> what is wrong with a document that is missing or damaged: what it names is not known
    """

    __slots__ = ("blobs", "documents", "layers", "unread")

    def __init__(self) -> None:
        self.blobs: dict[Digest, Descriptor] = {}
        self.documents: dict[Digest, Descriptor] = {}
        self.layers: dict[Digest, Descriptor] = {}
        self.unread: dict[Digest, OcipipeError | FormatError] = {}

    def add(self, store: Store, root: Descriptor) -> None:
        """Adds what `root` stands for. What is missing or damaged in the store reaches no further."""
        if root.digest in self.documents or root.digest in self.unread:
            return
        self.blobs.setdefault(root.digest, root)
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
        self.documents[root.digest] = root

    def parents_first(self) -> list[Digest]:
        """The blobs, each after whatever names it: deleted in this order, no document outlives what it names."""
        return [*reversed(self.documents), *(blob for blob in self.blobs if blob not in self.documents)]

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


def hold(store: Store, lease: Lease, root: Descriptor) -> Reach:
    """What an image needs, held by the lease: for who is about to give it a name or to unpack it.

    Nothing can be collected between the look and the hold. Raises NotFound and Corrupt when the image's own document is
    gone or damaged.
    """
    reach = Reach()
    with store.leases.no_collection():
        reach.add(store, root)
        if root.digest in reach.unread:
            raise reach.unread[root.digest]
        if not store.blobs.exists(root):
            raise NotFound(str(root.digest), "is not in the store", "pull the image again")
        lease.add(*reach.blobs, *reach.layers)
    return reach
