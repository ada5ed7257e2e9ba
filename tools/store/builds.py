"""What builds keep of the steps that they carried out.

    build/records/KEY.json   the layer that a step made, under the digest of all that it depended on (sealed)
    build/records/KEY.files  what it copied, a line a file, to explain a later miss
    build/locks/KEY          held by who carries the step out
    build/mounts/            see cache_mounts.py

A record keeps the blob and the unpacked layer that it names from being collected, as an image's entry does.
"""

from __future__ import annotations

import os

from oci_spec import digest, jsondoc
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, NotFound
from ..host import files, locks
from .cache_mounts import CacheMounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from .store import Store

_LIMIT = 64 << 20
_SUFFIX = ".json"


class Record:
    """A step that was carried out. `layer`, `diff_id` and `chain_id` are None where it changed nothing; `parts` are
    what its key was made of, `step` the instruction's text, `slot` what tells it from the others of its Dockerfile."""

    __slots__ = ("chain_id", "diff_id", "key", "layer", "parts", "slot", "step")

    def __init__(
        self, key: str, step: str, slot: str, parts: Document, layer: Descriptor | None, diff_id: Digest | None,
        chain_id: Digest | None,
    ) -> None:  # fmt: skip
        self.key = key
        self.step = step
        self.slot = slot
        self.parts = parts
        self.layer = layer
        self.diff_id = diff_id
        self.chain_id = chain_id

    @classmethod
    def parse(cls, document: Document, subject: str) -> Record:
        """Raises FormatError."""
        parts = document.get("parts")
        layer = document.get("layer")
        texts = [document.get(one) for one in ("key", "step", "slot")]
        if not isinstance(parts, dict) or not all(isinstance(one, str) for one in texts):
            raise FormatError(subject, "is no record of a step")
        return cls(
            str(document["key"]), str(document["step"]), str(document["slot"]), parts,
            None if layer is None else Descriptor.parse(layer, subject),
            None if layer is None else digest.parse(document.get("diffId"), subject),
            None if layer is None else digest.parse(document.get("chainId"), subject),
        )  # fmt: skip

    @property
    def document(self) -> Document:
        return {
            "key": self.key, "step": self.step, "slot": self.slot, "parts": self.parts,
            "layer": None if self.layer is None else self.layer.document, "diffId": self.diff_id,
            "chainId": self.chain_id,
        }  # fmt: skip


class Builds:
    """The build cache of the store."""

    __slots__ = ("mounts", "path", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.root, "build")
        self.mounts = CacheMounts(store)

    def record_path(self, key: str) -> str:
        """Where the record of a step is, or would be."""
        return os.path.join(self.path, "records", key + _SUFFIX)

    def find(self, key: str) -> Record | None:
        """The record under a key; None where there is none that is whole."""
        try:
            found = self._load(self.record_path(key))
        except (NotFound, Corrupt, FormatError):
            return None
        return found if found.key == key else None

    def used(self, key: str) -> None:
        """The record has served again: it counts as young."""
        try:
            os.utime(self.record_path(key))
        except FileNotFoundError:
            pass  # pruned meanwhile

    def keep(self, record: Record, listing: bytes = b"") -> None:
        """Writes a record; what it names is in the store, and leased."""
        self.store.directory("build/records")
        if listing:
            path = self.record_path(record.key).removesuffix(_SUFFIX) + ".files"
            files.write_atomic(path, listing, 0o600, durable=False)
        files.write_atomic(self.record_path(record.key), jsondoc.dumps(record.document), 0o600, sealed=True)

    def listing(self, key: str) -> bytes:
        """What the step under this key has copied; b"" where that is not known."""
        try:
            path = self.record_path(key).removesuffix(_SUFFIX) + ".files"
            return files.read_limited(path, _LIMIT)
        except (NotFound, Corrupt):
            return b""

    def drop(self, key: str) -> bool:
        """Removes a record; whether there was one."""
        gone = files.remove_file(self.record_path(key))
        files.remove_file(self.record_path(key).removesuffix(_SUFFIX) + ".files")
        return gone

    def all(self) -> Iterator[Record]:
        """Every whole record, the youngest first. What a damaged one names is not needed: nobody can use it."""
        base = os.path.join(self.path, "records")
        found = []
        for name in _listed(base):
            if name.endswith(_SUFFIX) and not name.startswith(files.TEMPORARY):
                try:
                    found.append((os.stat(os.path.join(base, name)).st_mtime_ns, name))
                except FileNotFoundError:
                    continue
        for _, name in sorted(found, reverse=True):
            record = self.find(name.removesuffix(_SUFFIX))
            if record is not None:
                yield record

    def needed(self) -> tuple[set[str], set[str]]:
        """The digests of blobs and the chain IDs of layers that records name."""
        blobs: set[str] = set()
        layers: set[str] = set()
        for record in self.all():
            if record.layer is not None:
                blobs.add(record.layer.digest)
                layers.add(str(record.chain_id))
        return blobs, layers

    def alone(self, key: str, cancelled: Callable[[], None]) -> Alone:
        """A `with` block in which nobody else carries out the step under this key. `cancelled` is called while we wait,
        and raises where we are not to go on."""
        return Alone(os.path.join(self.store.directory("build/locks"), key), cancelled)

    def sweep_locks(self) -> None:
        """Removes the lock files of builds that were killed."""
        base = os.path.join(self.path, "locks")
        for name in _listed(base):
            path = os.path.join(base, name)
            try:
                fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                if locks.take(fd) and os.path.samestat(os.fstat(fd), os.stat(path)):
                    files.remove_file(path)
            except FileNotFoundError:
                pass  # its holder has just removed it
            finally:
                os.close(fd)

    def _load(self, path: str) -> Record:
        data = files.read_limited(path, _LIMIT, sealed=True)
        return Record.parse(jsondoc.load_object(data, path), path)


class Alone:
    """The lock of one step, which goes with who carries it out."""

    __slots__ = ("_cancelled", "_fd", "_path")

    def __init__(self, path: str, cancelled: Callable[[], None]) -> None:
        self._path = path
        self._cancelled = cancelled
        self._fd = -1

    def __enter__(self) -> None:
        import time

        while True:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if locks.take(fd) and os.path.samestat(os.fstat(fd), os.stat(self._path)):
                    self._fd = fd
                    return
            except FileNotFoundError:
                pass  # its last holder has just removed it
            os.close(fd)
            self._cancelled()
            time.sleep(0.02)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        files.remove_file(self._path)
        os.close(self._fd)


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
