"""What a command brings into the store, and takes back when it fails: then the store is as it was.

For a load, whose archive may turn out bad at its last byte. A pull keeps what it has, because it can go on there.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc
from oci_spec.descriptor import Descriptor

from .collect import sweep
from .reach import Reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from .contract import Reader, Tap
    from .leases import Lease
    from .store import Store


class Incoming:
    """The store's blobs as a Content and a Sink (see contract.py), for a `with` block that holds a lease on them.

    At the block's end, what came in and is not reached by an image that was `kept` is removed again; after an exception
    that is all of it. What another command has come to need meanwhile stays.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = store.images
        self._blobs = store.blobs
        self.lease: Lease = store.leases.hold()
        self._blobs_came: set[Digest] = set()
        self._layers_came: set[Digest] = set()
        self._begun: set[Descriptor] = set()
        self._kept: list[Descriptor] = []

    def __enter__(self) -> Incoming:
        self.lease.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lease.__exit__(kind, error, trace)
        for descriptor in self._begun:
            self._blobs.drop_partial(descriptor)
        kept = Reach()
        if kind is None:
            for root in self._kept:
                kept.add(self.store, root)
        blobs, layers = self._blobs_came - kept.blobs.keys(), self._layers_came - kept.layers.keys()
        if blobs or layers:
            sweep(self.store, blobs, layers)

    def keep(self, root: Descriptor) -> None:
        """This image has a name now: what it needs stays."""
        self._kept.append(root)

    def unpacking(self, chain_ids: Iterable[Digest]) -> None:
        """These layers are about to be unpacked, where they are not yet."""
        self._layers_came.update(one for one in chain_ids if not self.store.layers.exists(one))

    def read(self, descriptor: Descriptor) -> bytes:
        return self._blobs.read(descriptor)

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        return self._blobs.open(descriptor, offset)

    def exists(self, descriptor: Descriptor) -> bool:
        return self._blobs.exists(descriptor)

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        """See contract.Sink."""
        self.lease.add(descriptor.digest)
        self._begun.add(descriptor)
        state = self._blobs.push(descriptor, read, origin=origin, tap=tap)
        self._begun.discard(descriptor)
        if state == "done":
            self._blobs_came.add(descriptor.digest)
        return state

    def document(self, media_type: str, document: Document) -> Descriptor:
        """Brings in a document that was made here."""
        data = jsondoc.dumps(document)
        descriptor = Descriptor.make(media_type, data)
        self.push(descriptor, lambda offset: iter((data[offset:],)))
        return descriptor

    def ingest(self, chunks: Iterable[bytes], media_type: str) -> Descriptor:
        """See Blobs.ingest."""
        return self._blobs.ingest(chunks, media_type, self._announced)

    def _announced(self, blob: Digest) -> None:
        self.lease.add(blob)
        if not os.path.exists(self._blobs.path(blob)):
            self._blobs_came.add(blob)
