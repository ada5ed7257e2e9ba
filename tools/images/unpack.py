"""Unpacking an image's layers into the store, beside their download or from blobs that are there."""

from __future__ import annotations

import threading

from oci_spec import digest

from ..layers.unpack import LayerUnpacker
from ..transfer import Cancelled, parallel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.image_config import ImageConfig
    from oci_spec.manifest import Manifest

    from ..store.leases import Lease
    from ..store.store import Store
    from ..transfer import Transfer


class ImageUnpacker:
    """Unpacks the layers of one image, side by side; a layer that looks into the ones below it waits for them."""

    def __init__(self, store: Store, manifest: Manifest, config: ImageConfig, lease: Lease) -> None:
        self.store = store
        self.manifest = manifest
        self.diff_ids = config.diff_ids
        self.chain_ids = digest.chain_ids(config.diff_ids)
        self._ready = [threading.Event() for _ in self.chain_ids]
        self._failed = False
        lease.add(*self.chain_ids)

    def carry(self, transfer: Transfer, number: int) -> None:
        """Moves one layer's blob into the store and unpacks it on the way (for a Transfer's `carrier`)."""
        try:
            if self.store.layers.exists(self.chain_ids[number]):
                transfer.carry_blob(self.manifest.layers[number])
            else:
                transfer.carry_blob(self.manifest.layers[number], lambda: self._unpacker(number))
        except BaseException:
            self._failed = True
            raise
        finally:
            self._ready[number].set()

    def _unpacker(self, number: int) -> LayerUnpacker:
        layer = self.manifest.layers[number]
        return LayerUnpacker(self.store, layer, self.diff_ids[number], self.chain_ids[number], self._lowers(number))

    def _lowers(self, number: int) -> Callable[[], list[str]]:
        def lowers() -> list[str]:
            for event in self._ready[:number]:
                event.wait()
            if self._failed:
                raise Cancelled
            return self.store.layers.lowers(self.chain_ids[:number])

        return lowers

    def unpack_stored(self, jobs: int) -> None:
        """Unpacks what is missing of an image whose blobs are all in the store."""

        def stop() -> None:
            self._failed = True

        parallel(jobs, self._unpack, len(self.chain_ids), stop)

    def _unpack(self, number: int) -> None:
        try:
            if not self.store.layers.exists(self.chain_ids[number]):
                self._unpacker(number).finish()
        except BaseException:
            self._failed = True
            raise
        finally:
            self._ready[number].set()
