"""The directories that RUN --mount=type=cache keeps, each under its id.

    build/mounts/NAME/about.json  the id that Dockerfiles call it by, and which of several with that id (private) it is
    build/mounts/NAME/lock        held by who uses it: shared by RUNs that share it, else alone
    build/mounts/NAME/data        its files
    build/mounts/NAME/filled      it has the owner and the mode that it was wanted with, and what it began with
"""

from __future__ import annotations

import os

from oci_spec import digest, jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, NotFound
from ..host import files, locks
from ..host.trees import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from .store import Store

PLACE = "build/mounts"


class CacheMounts:
    """The cache mounts of the store."""

    __slots__ = ("path", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.root, PLACE)

    def all(self) -> Iterator[CacheMount]:
        """Every cache mount."""
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return
        for name in names:
            if not name.startswith(files.TEMPORARY):
                yield CacheMount(os.path.join(self.path, name))

    def find(self, id: str, number: int = 0) -> CacheMount | None:
        """The cache mount of an id; None where there is none. `number`: of several that one id has."""
        found = CacheMount(self._place(id, number))
        return found if os.path.isdir(found.data) else None

    def get(self, id: str, number: int = 0) -> CacheMount:
        """The same, made where it is missing."""
        found = self.find(id, number)
        if found is None:
            with self.making(id, number) as making:
                making.place()
                found = CacheMount(making.target)
        return found

    def making(self, id: str, number: int = 0) -> Making:
        """A `with` block in which a cache mount is filled aside; see Making."""
        self.store.directory(PLACE)
        return Making(self._place(id, number), jsondoc.dumps({"id": id, "number": number}))

    def _place(self, id: str, number: int) -> str:
        return os.path.join(self.path, digest.of_bytes(f"{number}:{id}".encode()).hex)


class CacheMount:
    """A cache mount's directory."""

    __slots__ = ("data", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.data = os.path.join(path, "data")

    @property
    def id(self) -> str:
        """What Dockerfiles call it; '' where that can't be read."""
        try:
            about = jsondoc.load_object(files.read_limited(os.path.join(self.path, "about.json"), 1 << 16), self.path)
        except (NotFound, Corrupt, FormatError):
            return ""
        return str(about.get("id") or "")

    @property
    def filled(self) -> bool:
        """Whether it has its owner, its mode and what it began with."""
        return os.path.exists(os.path.join(self.path, "filled"))

    def mark_filled(self) -> None:
        files.write_atomic(os.path.join(self.path, "filled"), b"", durable=False)

    def take(self, *, shared: bool) -> int:
        """A descriptor that holds its lock; -1 where others have it, or it has been removed."""
        path = os.path.join(self.path, "lock")
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return -1
        try:
            if locks.take(fd, shared=shared) and os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        except FileNotFoundError:
            pass  # it has just been removed
        os.close(fd)
        return -1

    def remove(self) -> None:
        """Removes it; its lock is ours alone."""
        aside = os.path.join(os.path.dirname(self.path), files.temporary_name(os.path.basename(self.path)))
        os.rename(self.path, aside)
        remove_tree(aside)


class Making:
    """A cache mount that is made aside, in `data`, and that `place` puts into its place `target`, if none is there by
    then. What is not placed goes at the block's end; while it lasts nobody takes it for left behind."""

    __slots__ = ("_about", "_aside", "_fd", "data", "target")

    def __init__(self, target: str, about: bytes) -> None:
        self.target = target
        self.data = ""
        self._about = about
        self._aside = ""
        self._fd = -1

    def __enter__(self) -> Making:
        parent, name = os.path.split(self.target)
        self._aside = os.path.join(parent, files.temporary_name(name))
        self.data = os.path.join(self._aside, "data")
        with locks.locked(parent, shared=True):  # nobody sees it before it is locked
            os.mkdir(self._aside, 0o700)
            self._fd = os.open(self._aside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            locks.take(self._fd)
        os.mkdir(self.data, 0o755)
        os.chmod(self.data, 0o755)
        for part, data in (("lock", b""), ("about.json", self._about)):
            files.write_atomic(os.path.join(self._aside, part), data, 0o600, durable=False)
        return self

    def mark_filled(self) -> None:
        """See CacheMount."""
        CacheMount(self._aside).mark_filled()

    def place(self, *, replacing: bool = False) -> bool:
        """Puts it into its place; whether that was free. With `replacing`, whose lock is ours then, into the place of
        the one that is there, which goes with the block."""
        try:
            if replacing:
                files.exchange(self._aside, self.target)
            else:
                os.rename(self._aside, self.target)
        except OSError:
            if replacing or not os.path.isdir(os.path.join(self.target, "data")):
                raise
            return False
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_tree(self._aside)
        os.close(self._fd)
