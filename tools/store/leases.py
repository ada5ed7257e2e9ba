"""Leases: what a running command needs before a reference or a record says so.

A lease is a file in `leases/` that its command holds the kernel lock of; each line is one digest of a blob or one
chain ID of a layer. The lease ends with the command, however it ends: a file whose lock is free is no lease any more.
Whoever collects garbage holds the directory's lock while it deletes; adding to a lease takes that lock shared, so
after `add` returns nothing of it is deleted, and what was deleted before is seen to be missing.
"""

from __future__ import annotations

import os
import stat

from ..host import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from .store import Store


_LOOKING = "look-"


class Leases:
    """The leases of the store."""

    __slots__ = ("store",)

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def directory(self) -> str:
        """Where they are; its lock is what new leases wait for."""
        return os.path.join(self.store.root, "leases")

    def hold(self, *, only_looking: bool = False) -> Lease:
        """A new lease, for a `with` block. Who is only looking wants to see what is there, and builds nothing on it."""
        return Lease(self.store.directory("leases"), _LOOKING if only_looking else "")

    def no_collection(self) -> locks.locked:
        """A `with` block in which nothing is collected. Leases can be had meanwhile."""
        return locks.locked(self.store.directory("leases"), shared=True)

    def only_looks(self, path: str) -> bool:
        """Whether the lease at `path` is of a command that is only looking."""
        return os.path.basename(path).startswith(_LOOKING)

    def held(self) -> set[str]:
        """Every digest and chain ID that a living command holds; dead leases are removed on the way.

        Call it under the lock of the leases directory, or the answer is old when it comes.
        """
        found: set[str] = set()
        for path, alive, wanted in self.survey():
            if alive:
                found.update(wanted)
            else:
                files.remove_file(path)
        return found

    def survey(self) -> Iterator[tuple[str, bool, list[str]]]:
        """Each lease: its file, whether its command lives, what it holds. Under the directory's lock, as `held`."""
        directory = self.directory
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return
        for name in names:
            path = os.path.join(directory, name)
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    continue  # nobody's lease
                alive = not locks.take(fd)
                yield path, alive, os.pread(fd, os.fstat(fd).st_size, 0).decode("utf-8", "replace").split()
            finally:
                os.close(fd)


class Lease:
    """One command's lease; thread-safe, since each `add` is one write in append mode."""

    __slots__ = ("_directory", "_fd", "_path")

    def __init__(self, directory: str, mark: str = "") -> None:
        self._directory = directory
        self._path = os.path.join(directory, f"{mark}{os.getpid()}-{os.urandom(6).hex()}")
        self._fd = -1

    def __enter__(self) -> Lease:
        # Locked before it is seen as anyone's: made under the shared lock that collectors exclude.
        with locks.locked(self._directory, shared=True):
            try:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
                locks.take(self._fd)
            except BaseException:  # whoever is told to end just now leaves none either
                files.remove_file(self._path)
                raise
        return self

    def add(self, *wanted: str) -> None:
        """Holds these digests and chain IDs until the lease ends."""
        with locks.locked(self._directory, shared=True):
            files.write_all(self._fd, "".join(f"{one}\n" for one in wanted).encode(), self._path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        files.remove_file(self._path)
        fd, self._fd = self._fd, -1  # a thread that still adds to it must not meet another file under its number
        os.close(fd)
