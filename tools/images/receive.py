"""An image on its way into the store, from wherever: checked against its digests, unpacked while it comes."""

from __future__ import annotations

from ..transfer import Transfer
from .entry import choose, is_runnable, parse_at, read_config
from .unpack import ImageUnpacker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest
    from oci_spec.image_config import ImageConfig
    from oci_spec.manifest import Index, Manifest
    from oci_spec.platform import Platform

    from ..context import Progress
    from ..store.contract import Content, Sink
    from ..store.leases import Lease
    from ..store.store import Store
    from ..transfer import Distrust


class Receiver:
    """Brings images into the store, through `sink` (its blobs, or Incoming), all held by `lease`.

    Of an index the image for `platform` is taken, where `choosing` names the index for messages, or the whole, where it
    is ''. `admit` sees an image before its layers are fetched, and may refuse it. With `unpack`, layers of an image
    that `platform` runs are unpacked, and `unpacking` is told their chain IDs before; those of others, and an
    artifact's, are only kept. For `distrust` see Transfer.
    """

    def __init__(
        self,
        store: Store,
        source: Content,
        sink: Sink,
        progress: Progress,
        lease: Lease,
        *,
        platform: Platform,
        choosing: str = "",
        admit: Callable[[Manifest, ImageConfig], None] | None = None,
        unpack: bool = True,
        unpacking: Callable[[Iterable[Digest]], None] | None = None,
        distrust: Distrust | None = None,
        jobs: int = 3,
    ) -> None:
        self._store = store
        self._lease = lease
        self._platform = platform
        self._choosing = choosing
        self._admit = admit
        self._unpack = unpack
        self._unpacking = unpacking
        self._transfer = Transfer(
            source,
            sink,
            progress,
            jobs=jobs,
            choose=self._choose if choosing else None,
            lease=lease.add,
            distrust=distrust,
        )
        self._transfer.carrier = self._carrier

    def receive(self, root: Descriptor) -> Descriptor:
        """Copies what `root` stands for; the descriptor of what is in the store now. Raises as Transfer.copy does."""
        return self._transfer.copy(root)

    def _choose(self, index: Index) -> Sequence[Descriptor]:
        source = self._transfer.source
        return [choose(index, self._platform, self._choosing, lambda inner: parse_at(source, inner))]

    def _carrier(self, manifest: Manifest) -> Callable[[int], object]:
        if not is_runnable(manifest):
            return self._transfer.plain_carrier(manifest)
        config = read_config(self._store, manifest)
        if self._admit:
            self._admit(manifest, config)
        if not self._unpack or not self._platform.runs(config.platform):
            return self._transfer.plain_carrier(manifest)
        if self._unpacking:
            self._unpacking(config.chain_ids)
        unpacker = ImageUnpacker(self._store, manifest, config, self._lease)
        return lambda number: unpacker.carry(self._transfer, number)
