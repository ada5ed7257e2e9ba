"""What commands leave behind when they are killed: leases, partial downloads, temporaries. All of it is garbage."""

from __future__ import annotations

import os
import stat

from oci_spec import digest
from oci_spec.jsondoc import FormatError

from ..host import files, locks, trees
from ..store import journal
from .content import listed, stray
from .finding import finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..store.store import Store

STALE_SECONDS = 24 * 3600
"""A broken download that nobody has gone on with for so long is taken for given up."""
YOUNG_SECONDS = 600
"""What is younger may belong to a command that has not said so yet: it is left alone."""


class Leftover:
    """`kind` as in an object, its `path`, and why nobody needs it."""

    __slots__ = ("kind", "path", "problem")

    def __init__(self, kind: str, path: str, problem: str) -> None:
        self.kind = kind
        self.path = path
        self.problem = problem

    @property
    def size(self) -> int:
        """Bytes that it takes; measured when asked, which is under no lock."""
        return trees.size(self.path)


_CODES = {"lease": "LEASE_DEAD", "partial": "PARTIAL_STALE", "temporary": "TEMPORARY_LEFT"}


def problems(store: Store, now: float) -> Iterator[Document]:
    """A finding for each leftover, and for what is none of ours."""
    for one in found(store, now):
        yield finding(_CODES[one.kind], place(one.kind, store.root, one.path), one.problem, garbage=True)
    for part, is_ours in _OURS:
        base = os.path.join(store.root, part)
        for name in sorted(listed(base)):
            path = os.path.join(base, name)
            if os.path.isdir(path) or not is_ours(name):
                yield stray(store, path)


def found(store: Store, now: float, stale: float = STALE_SECONDS) -> Iterator[Leftover]:
    """What killed commands left, at this moment; each part is looked at under the lock that its owners work under."""
    yield from leases(store)
    if os.path.isdir(store.leases.directory):
        with locks.locked(store.leases.directory):  # no command is just beginning, and nobody collects
            gone = list(_unlocked(store.layers.path_prefix, "its command is gone"))
        yield from gone
    for part in (store.containers.path, store.volumes.path):
        if os.path.isdir(part):
            with locks.locked(part):
                gone = list(_unlocked(part, "its command is gone"))
            yield from gone
    work = os.path.join(store.builds.path, "work")
    if os.path.isdir(work):
        with locks.locked(work):
            gone = list(_unlocked(work, "its build is gone"))
        yield from gone
    for part in ("records", "mounts"):
        for path in _temporaries(os.path.join(store.builds.path, part)):
            if _age(path, now) > YOUNG_SECONDS:
                yield Leftover("temporary", path, "has been lying there for more than ten minutes")
    if os.path.isdir(store.images):
        with locks.locked(store.images):
            gone = [Leftover("temporary", path, "its command is gone") for path in _temporaries(store.images)]
        yield from gone
    for path in _temporaries(store.root):
        if _age(path, now) > YOUNG_SECONDS:
            yield Leftover("temporary", path, "has been lying there for more than ten minutes")
    yield from _partials(store, now, stale)


def leases(store: Store) -> list[Leftover]:
    """The leases of commands that are gone."""
    if not os.path.isdir(store.leases.directory):
        return []
    with locks.locked(store.leases.directory):
        return [Leftover("lease", path, "its command is gone") for path, alive, _ in store.leases.survey() if not alive]


def _temporaries(directory: str) -> list[str]:
    names = sorted(name for name in listed(directory) if name.startswith(files.TEMPORARY))
    return [os.path.join(directory, name) for name in names]


def _unlocked(directory: str, problem: str) -> Iterator[Leftover]:
    for path in _temporaries(directory):
        if not locks.is_held(path) and os.path.lexists(path):
            yield Leftover("temporary", path, problem)


def _partials(store: Store, now: float, stale: float) -> Iterator[Leftover]:
    base = os.path.join(store.root, "partial")
    for name in sorted(listed(base)):
        path = os.path.join(base, name)
        if os.path.isdir(path) or locks.is_held(path):
            continue
        age = _age(path, now)
        of = partial_of(name)
        if name.startswith(files.TEMPORARY):
            if age > YOUNG_SECONDS:
                yield Leftover("temporary", path, "its command is gone")
        elif of is not None and os.path.exists(store.blobs.path(of)):
            yield Leftover("partial", path, "the blob is in the store")
        elif of is not None and age > stale:
            yield Leftover("partial", path, f"nobody has gone on with it for {int(age / 3600)} hours")


def leased(store: Store) -> set[str]:
    """What living commands hold, at this moment."""
    if not os.path.isdir(store.leases.directory):
        return set()
    with locks.locked(store.leases.directory):
        return {one for _, alive, wanted in store.leases.survey() if alive for one in wanted}


def remove(store: Store, one: Leftover) -> bool:
    """Removes a leftover, unless a command has taken it up meanwhile; whether it went."""
    parent = os.path.dirname(one.path)
    owners = store.leases.directory if parent == store.layers.path_prefix else parent
    try:
        with locks.locked(owners):  # no command is just making it
            fd = os.open(one.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            if not locks.take(fd):
                os.close(fd)
                return False
    except FileNotFoundError:
        return False
    try:
        if not os.path.samestat(os.fstat(fd), os.lstat(one.path)):
            return False
        trees.remove_tree(one.path)
    except FileNotFoundError:
        return False
    finally:
        os.close(fd)
    return True


def state(path: str) -> str:
    """What a file or directory is like: the same again only when nobody wrote to it or put another in its place."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return "gone"
    if stat.S_ISDIR(found.st_mode):
        return f"{found.st_ino}"
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def partial_of(name: str) -> Digest | None:
    """The digest of the blob that a file in partial/ becomes, by its name."""
    try:
        return digest.parse(name.replace("-", ":", 1))
    except FormatError:
        return None


_OURS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("leases", lambda _: True),
    ("partial", lambda name: name.startswith(files.TEMPORARY) or partial_of(name) is not None),
    ("events", journal.is_segment),
)
"""Directories in which only files of ours have a business, and how these are named."""


def _age(path: str, now: float) -> float:
    try:
        return now - os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0
