"""Writes images into an OCI image layout in a directory, which may be there already and hold others.

The store's own images are such a layout, so this is the store's code: blobs come in whole or not at all and resume, the
index is replaced whole under a lock.
"""

from __future__ import annotations

import os

from oci_spec.descriptor import REF_NAME, Descriptor

from ..errors import Conflict
from ..host import files
from ..store.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..store.contract import Reader, Tap


class LayoutDirectory(Store):
    """A Destination (see store/contract.py)."""

    __slots__ = ("name",)

    def __init__(self, path: str) -> None:
        """Raises Conflict for a directory that holds something else, Denied, Unavailable."""
        self.name = os.path.abspath(path)
        super().__init__(os.path.dirname(self.name))
        self.images = self.name
        found = os.listdir(self.name) if os.path.isdir(self.name) else []
        if found and "index.json" not in found:
            raise Conflict(path, "is a directory that holds something else than an image layout", "name a new one")
        self.prepare()
        files.make_directories(os.path.join(self.name, "blobs", "sha256"))

    def directory(self, name: str, mode: int = 0o700) -> str:
        """See Store: beside the blobs, because a blob is renamed into its place; gone after `finish`."""
        path = os.path.join(self.name, f".{name}")
        files.make_directories(path, mode)
        return path

    def exists(self, descriptor: Descriptor) -> bool:
        """See contract.Sink."""
        return self.blobs.exists(descriptor)

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        """See contract.Sink."""
        return self.blobs.push(descriptor, read, origin=origin, tap=tap)

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        """See contract.Destination; any text is a name here, and '' is none."""
        entry = {key: descriptor.document[key] for key in ("mediaType", "digest", "size")}
        self.refs.replace(Descriptor(entry).annotated({REF_NAME: reference or None}))

    def finish(self) -> None:
        """Removes what was only needed on the way, unless somebody else is at work here."""
        try:
            os.rmdir(os.path.join(self.name, ".partial"))
        except OSError:
            pass  # never made, or another copy's downloads are in it
