"""An archive that comes through a pipe: one pass, in which its content goes into the store as it comes.

The members stand in any order, so what they are for is known at the end only. Blobs of an OCI layout go to their
digests, verified; other large files, Docker's layers, are given theirs. Small documents are kept in memory.
"""

from __future__ import annotations

from oci_spec import digest
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError
from oci_spec.tarstream import Reader

from ..store.blobs import DOCUMENT_LIMIT
from .tar_members import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from oci_spec.digest import Digest
    from oci_spec.tarstream import Entry

    from ..store.contract import Tap
    from ..store.incoming import Incoming

    Carry = Callable[[Descriptor, Callable[[Tap | None], object]], object]

MEMORY_LIMIT = 64 << 20
"""Bytes of documents that are kept in memory."""
_CONTENT = "application/octet-stream"
_LEGACY = ("json", "VERSION")
"""Files of Docker's first archive format, which stand beside each layer and which nobody needs any more."""


class Arrival(Table):
    """The members of the archive in `chunks`, received into the store. Raises Corrupt, and what the store raises.

    `carry` may do more with a blob than to bring it in: it is given its descriptor (of no certain media type), and the
    function that brings it in and feeds a tap.
    """

    def __init__(self, chunks: Iterable[bytes], name: str, incoming: Incoming, carry: Carry | None = None) -> None:
        super().__init__(name)
        self._incoming = incoming
        self._carry = carry or (lambda _, push: push(None))
        self._kept = 0
        reader = Reader(chunks)
        for path, entry in self.walk(reader):
            directory, _, base = path.rpartition("/")
            wanted = _blob(path)
            if wanted is not None:
                self._receive(path, wanted, entry, reader)
            elif not directory and entry.size <= DOCUMENT_LIMIT and (base.endswith(".json") or "." not in base):
                self._keep(path, entry, reader)
            elif base not in _LEGACY:
                self.add(path, _Stored(incoming, incoming.ingest(self.content(path, reader), _CONTENT)))

    def _receive(self, path: str, wanted: Digest, entry: Entry, reader: Reader) -> None:
        descriptor = Descriptor({"mediaType": _CONTENT, "digest": wanted, "size": entry.size})
        member = _Stored(self._incoming, descriptor)
        if self.find(path) is not None:
            state = digest.hasher(wanted.algorithm)
            for chunk in self.content(path, reader):
                state.update(chunk)
            member.digest = digest.Digest(f"{wanted.algorithm}:{state.hexdigest()}")
        else:

            def push(tap: Tap | None) -> str:
                return self._incoming.push(
                    descriptor, lambda offset: _from(self.content(path, reader), offset), tap=tap
                )

            self._carry(descriptor, push)
        self.add(path, member)

    def _keep(self, path: str, entry: Entry, reader: Reader) -> None:
        self._kept += entry.size
        if self._kept > MEMORY_LIMIT:
            raise self.refusal(path, f"is one document too many: more than {MEMORY_LIMIT >> 20} MiB of them")
        self.add(path, _Kept(b"".join(self.content(path, reader))))


def _blob(path: str) -> Digest | None:
    """The digest that a path of an OCI layout stands for; None for any other file."""
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != "blobs":
        return None
    try:
        return digest.parse(":".join(parts[1:]))
    except FormatError:
        return None


def _from(chunks: Iterator[bytes], offset: int) -> Iterator[bytes]:
    """The same bytes from an offset on: a part of the blob is in the store from an earlier attempt."""
    for chunk in chunks:
        if offset < len(chunk):
            yield chunk[offset:] if offset else chunk
        offset = max(0, offset - len(chunk))


class _Stored:
    """A member whose content is a blob of the store."""

    __slots__ = ("_descriptor", "_incoming", "digest", "size")

    def __init__(self, incoming: Incoming, descriptor: Descriptor) -> None:
        self._incoming = incoming
        self._descriptor = descriptor
        self.digest: Digest | None = descriptor.digest
        self.size = descriptor.size

    def open(self, offset: int = 0) -> Iterator[bytes]:
        return self._incoming.open(self._descriptor, offset)


class _Kept:
    """A member in memory."""

    __slots__ = ("_data", "digest", "size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.digest: Digest | None = digest.of_bytes(data)
        self.size = len(data)

    def open(self, offset: int = 0) -> Iterator[bytes]:
        return iter((self._data[offset:],))
