"""Blobs: content under its digest, written once, whole or not there.

A blob comes in through a file in `partial/` that its writer holds the lock of. It is hashed while it is written,
checked for size and digest, fsynced and renamed to its place, so what has a blob's name is that blob. When the writer
fails, the file stays and the next one goes on from its end. Who finds another writer at work joins it: it waits for
as long as that writer makes progress, then takes the blob as its own.
"""

from __future__ import annotations

import errno
import os
import time

from oci_spec import digest
from oci_spec.descriptor import Descriptor

from ..errors import Corrupt, Denied, NotFound, OcipipeError, Unavailable, WrongContent
from ..host import files, locks
from .damage import look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from oci_spec.digest import Digest

    from .contract import Reader, Tap
    from .damage import Damage
    from .store import Store

DOCUMENT_LIMIT = 4 << 20
"""The largest manifest, index or config we read whole (distribution-spec 1.1 asks registries for at least 4 MiB)."""
STALL_SECONDS = 15.0
"""A writer that has added nothing for so long is not waited for any more: we fetch the blob ourselves."""
_POLL_SECONDS = 0.02


class DamagedPartial(WrongContent):
    """A part of it was kept from an earlier attempt: that may be what was wrong, and not the source. It is gone now."""


class Blobs:
    """The content of the store: a Content and a Sink (see contract.py)."""

    __slots__ = ("name", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.name = store.images

    def path(self, wanted: Digest) -> str:
        """Where the blob is, or would be."""
        return os.path.join(self.store.images, "blobs", wanted.algorithm, wanted.hex)

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether the blob is there with the size that the descriptor says."""
        try:
            return bool(os.stat(self.path(descriptor.digest)).st_size == descriptor.size)
        except FileNotFoundError:
            return False

    def read(self, descriptor: Descriptor) -> bytes:
        """A document's bytes, verified. Raises NotFound, Corrupt."""
        subject = f"blob {descriptor.digest}"
        if descriptor.size > DOCUMENT_LIMIT:
            raise Corrupt(subject, f"says it is {descriptor.size} bytes long; documents have at most {DOCUMENT_LIMIT}")
        try:
            data = files.read_limited(self.path(descriptor.digest), DOCUMENT_LIMIT, subject)
        except NotFound:
            raise NotFound(subject, "is not in the store", "pull the image again") from None
        return verified(data, descriptor, subject, "pull the image again")

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """A blob's bytes from `offset` on. Raises NotFound, Corrupt when its size is wrong."""
        path = self.path(descriptor.digest)
        try:
            size = os.stat(path).st_size
            if size != descriptor.size:
                raise Corrupt(
                    f"blob {descriptor.digest}", f"is {size} bytes long, not {descriptor.size}", "pull the image again"
                )
            return files.read_chunks(path, offset)
        except FileNotFoundError:
            raise NotFound(f"blob {descriptor.digest}", "is not in the store", "pull the image again") from None

    def put(self, descriptor: Descriptor, data: bytes) -> str:
        """Takes in a document that is in memory already."""
        return self.push(descriptor, lambda offset: iter((data[offset:],)))

    def ingest(
        self, chunks: Iterable[bytes], media_type: str, announce: Callable[[Digest], None] | None = None
    ) -> Descriptor:
        """Takes in content whose digest is not known before it ends; its descriptor. Raises Unavailable.

        `announce` is told the digest just before the blob gets its name, so that a lease can hold it from the start.
        """
        partial = os.path.join(self.store.directory("partial"), files.temporary_name("ingest"))
        state = digest.hasher()
        size = 0
        try:
            fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                locks.take(fd)
                for chunk in chunks:
                    files.write_all(fd, chunk)
                    state.update(chunk)
                    size += len(chunk)
                found = digest.Digest(f"sha256:{state.hexdigest()}")
                if announce:
                    announce(found)
                self._place(fd, partial, found)
            finally:
                os.close(fd)
        except OSError as error:
            raise self._failed("new blob", error) from error
        finally:
            files.remove_file(partial)
        return Descriptor({"mediaType": media_type, "digest": found, "size": size})

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        """See contract.Sink: `done` when this call wrote the blob, `exists` when it was or came there.

        `origin` is not kept. Where a part that was kept proves damaged, it starts afresh, or raises DamagedPartial when
        a tap has seen that part. Raises Corrupt for content that is not what the descriptor says, Unavailable for a
        disk that is full or fails, and what `read` raises; the store is then as before, but for a resumable part.
        """
        if self.exists(descriptor):
            return "exists"
        try:
            fd, partial = self._claim(descriptor)
            if fd < 0:
                return "exists"
            try:
                self._fill(fd, partial, descriptor, read, tap)
            finally:
                os.close(fd)
        except DamagedPartial:
            if tap:
                raise
            return self.push(descriptor, read, origin=origin)
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            raise self._failed(f"blob {descriptor.digest}", error) from error
        return "done"

    def sync(self) -> None:
        """Makes every blob that is there stay there. A command that is killed just after it has renamed a blob leaves
        one that others see, and that a power cut could still take: so call it before a new image gets a name."""
        blobs = os.path.join(self.store.images, "blobs")
        for name in os.listdir(blobs):
            files.sync_directory(os.path.join(blobs, name))

    def drop_partial(self, descriptor: Descriptor) -> None:
        """Removes what an attempt that will not be resumed left of a blob; a living writer's work is let be."""
        path = self._partial(descriptor)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            if locks.take(fd) and _is_same(fd, path):
                os.unlink(path)
        finally:
            os.close(fd)

    def _partial(self, descriptor: Descriptor) -> str:
        directory = self.store.directory("partial")
        return os.path.join(directory, f"{descriptor.digest.algorithm}-{descriptor.digest.hex}")

    def mend(self, descriptor: Descriptor, read: Reader) -> str:
        """As `push`, but what has the blob's name counts only when it is whole: else it is replaced, in one step."""
        try:
            fd, partial = self._claim(descriptor, mending=True)
            if fd < 0:
                return "exists"
            try:
                place = self.path(descriptor.digest)
                if os.path.isdir(place):
                    from ..host.trees import remove_tree

                    remove_tree(place)
                self._fill(fd, partial, descriptor, read, None)
            finally:
                if not os.fstat(fd).st_size and _is_same(fd, partial):
                    os.unlink(partial)  # nothing came that the next attempt could go on with
                os.close(fd)
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            raise self._failed(f"blob {descriptor.digest}", error) from error
        return "done"

    def damage(self, descriptor: Descriptor, watch: Tap | None = None, *, sizes_only: bool = False) -> Damage | None:
        """What is wrong with the blob (see damage.py); None when it is whole."""
        return look(self.path(descriptor.digest), descriptor, watch, sizes_only=sizes_only)

    def _claim(self, descriptor: Descriptor, mending: bool = False) -> tuple[int, str]:
        """The partial file of a blob, open and locked by us, with its path; (-1, '') when the blob has appeared."""
        path = self._partial(descriptor)
        last_size, idle = -1, 0.0
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if locks.take(fd):
                if not _is_same(fd, path):
                    os.close(fd)
                    continue
                if self.damage(descriptor) is None if mending else self.exists(descriptor):
                    os.unlink(path)
                    os.close(fd)
                    return -1, ""
                return fd, path
            size = os.fstat(fd).st_size
            os.close(fd)
            if not mending and self.exists(descriptor):
                return -1, ""
            idle = 0.0 if size != last_size else idle + _POLL_SECONDS
            last_size = size
            if idle >= STALL_SECONDS:
                path = os.path.join(os.path.dirname(path), files.temporary_name(descriptor.digest.hex))
            else:
                time.sleep(_POLL_SECONDS)

    def _fill(self, fd: int, partial: str, descriptor: Descriptor, read: Reader, tap: Tap | None) -> None:
        subject = f"blob {descriptor.digest}"
        kept = os.fstat(fd).st_size
        if kept > descriptor.size:
            os.ftruncate(fd, 0)
            kept = 0
        state = digest.hasher(descriptor.digest.algorithm)
        position = 0
        while position < kept and (chunk := os.pread(fd, min(1 << 20, kept - position), position)):
            state.update(chunk)
            if tap:
                tap(chunk)
            position += len(chunk)
        kept = position
        os.lseek(fd, position, os.SEEK_SET)
        problem = ""
        if position < descriptor.size:
            for chunk in read(position):
                position += len(chunk)
                if position > descriptor.size:
                    problem = f"is longer than the {descriptor.size} bytes that were announced"
                    break
                files.write_all(fd, chunk)
                state.update(chunk)
                if tap:
                    tap(chunk)
            if position < descriptor.size:
                problem = f"ended after {position} of {descriptor.size} bytes"
        if not problem and f"{descriptor.digest.algorithm}:{state.hexdigest()}" != descriptor.digest:
            problem = f"its content has the digest {descriptor.digest.algorithm}:{state.hexdigest()}"
        if problem:
            os.unlink(partial)
            kind = DamagedPartial if kept else WrongContent
            raise kind(subject, problem, "the source sent something else; try again, or ask who runs it")
        self._place(fd, partial, descriptor.digest)

    def _place(self, fd: int, partial: str, found: Digest) -> None:
        """Gives a whole, verified file its name, durably."""
        os.fchmod(fd, 0o644)
        os.fsync(fd)
        place = self.path(found)
        if found.algorithm != "sha256":
            files.make_directories(os.path.dirname(place))
            files.sync_directory(os.path.join(self.store.images, "blobs"))
        os.rename(partial, place)
        files.sync_directory(os.path.dirname(place))

    def _failed(self, subject: str, error: OSError) -> OcipipeError:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return Denied(subject, f"{self.name} is not writable for this user", "run as root, or name another --root")
        why = os.strerror(error.errno or 0).lower()
        return Unavailable(subject, f"cannot be written to {self.name}: {why}", "make room, or choose another --root")


def verified(data: bytes, descriptor: Descriptor, subject: str, remedy: str) -> bytes:
    """`data` when it is what the descriptor says. Raises Corrupt."""
    if len(data) != descriptor.size:
        raise Corrupt(subject, f"is {len(data)} bytes long, not {descriptor.size}", remedy)
    if digest.of_bytes(data, descriptor.digest.algorithm) != descriptor.digest:
        raise Corrupt(subject, "its content does not match its digest", remedy)
    return data


def _is_same(fd: int, path: str) -> bool:
    """Whether `path` still names the file behind `fd`: its last writer may have renamed or removed it."""
    mine = os.fstat(fd)
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
