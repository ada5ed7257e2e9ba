"""Taking away what nothing needs any more.

Removal is ordered so that a crash leaves garbage, never a dangling reference: first a name goes (refs), then, under the
lock that new leases wait for, what neither an entry, a container nor a lease needs.
"""

from __future__ import annotations

import os

from ..host import files, locks
from ..host.trees import remove_tree
from .reach import Reach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest

    from .store import Store


class Collection:
    """A `with` block in which what is garbage stays garbage: nobody gets a lease meanwhile.

    `kept` is what the store's entries need; `blobs` and `layers` are the digests and chain IDs that an entry, a
    container, a build's record or a running command needs, apart: a plain layer's digest is its chain ID as well.
    While a document of an image that stays is damaged, what it needs is not known, and all is kept. Directories are
    taken out of sight at once, and deleted after the lock has been let go. Raises Corrupt where it can't be known what
    is needed: a damaged index, or a damaged container record.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.kept = Reach()
        self.leased: set[str] = set()
        self.blobs: set[str] = set()
        self.layers: set[str] = set()
        self._lock = locks.locked(store.directory("leases"))
        self._aside: list[tuple[str, int, str]] = []

    def __enter__(self) -> Collection:
        self._lock.__enter__()
        try:
            # Leases first: a command lets go of its own when an entry or a container holds what it needs.
            self.leased = self.store.leases.held()
            for entry in self.store.refs.sound_entries():
                self.kept.add(self.store, entry)
            blobs, layers = self.store.builds.needed()
            self.blobs.update(self.kept.blobs, self.leased, blobs)
            self.layers.update(self.kept.layers, self.leased, layers, self.store.containers.needed())
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)
        for parent in {parent for _, _, parent in self._aside}:
            files.sync_directory(parent)  # or a power cut might show a layer under its name with half its files
        for path, fd, _ in self._aside:
            try:
                remove_tree(path)
            finally:
                os.close(fd)

    def blob(self, digest: Digest) -> int:
        """Deletes a blob that nothing needs; the bytes that it took, 0 when it stays or was not there."""
        path = self.store.blobs.path(digest)
        if digest in self.blobs or self.kept.unread:
            return 0
        try:
            size = os.stat(path).st_size
        except FileNotFoundError:
            return 0
        return size if files.remove_file(path) else 0

    def layer(self, chain_id: Digest) -> bool:
        """Deletes an unpacked layer that nothing needs; whether it was there and goes."""
        if chain_id in self.layers or self.kept.unread:
            return False
        return self.out_of_sight(self.store.layers.path(chain_id))

    def out_of_sight(self, path: str) -> bool:
        """Takes a directory of the store away, by one rename, so that nobody ever sees half of it; whether it was
        there. It is locked until it is deleted, so that nobody takes it for the leftover of a killed command."""
        aside = os.path.join(self.store.directory("layers"), files.temporary_name(os.path.basename(path)))
        try:
            os.rename(path, aside)
        except FileNotFoundError:
            return False
        fd = os.open(aside, os.O_RDONLY | os.O_CLOEXEC)
        locks.take(fd)
        self._aside.append((aside, fd, os.path.dirname(path)))
        return True


def discard(store: Store, removed: Iterable[Descriptor]) -> int:
    """Deletes what only the `removed` entries needed; the bytes of blobs that went. Call it after their names went."""
    gone = Reach()
    for entry in removed:
        gone.add(store, entry)
    return sweep(store, gone.parents_first(), gone.layers)


def sweep(store: Store, blobs: Iterable[Digest], layers: Iterable[Digest]) -> int:
    """Deletes those of these blobs and layers that no entry, container or lease needs; the bytes of blobs that went.

    Blobs go in this order.
    """
    with Collection(store) as collection:
        for chain_id in layers:
            collection.layer(chain_id)
        return sum(map(collection.blob, blobs))
