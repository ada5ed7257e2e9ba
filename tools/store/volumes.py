"""Volumes: directories of files that outlive containers.

    volumes/NAME/record.json   what it is (schema volume-record)
    volumes/NAME/data          its files; with driver options, what those name is mounted here while it is in use
    volumes/NAME/filling       files on their way into a volume that was empty (see volume/fill.py)
    volumes/NAME/half          what is mounted there is being filled

A volume appears whole, by one rename. Whoever uses, fills, mounts or removes one holds the kernel lock of its
directory; a container's is taken before it. A container's record names its volumes before the container takes them, so
who holds a volume's lock and finds no container that names it may remove it.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt, NotFound, UsageError
from ..host import files, locks
from ..host.trees import remove_tree, sync_filesystem
from . import asides

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from oci_spec.jsondoc import Document

    from .container import Container
    from .store import Store

_RECORD_LIMIT = 4 << 20
_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_LENGTH = 200
"""Of a name, so that it leaves room in a file's name for what we put before it."""


class Volume:
    """One volume. `record` is its record.json as it was read; `lock` the descriptor that holds its lock, -1 for none;
    `path` its directory, `data` where its files are."""

    __slots__ = ("data", "lock", "path", "record")

    def __init__(self, path: str, record: Document, lock: int = -1) -> None:
        self.path = path
        self.data = os.path.join(path, "data")
        self.record = record
        self.lock = lock

    @property
    def name(self) -> str:
        return str(self.record["name"])

    @property
    def anonymous(self) -> bool:
        return bool(self.record["anonymous"])

    @property
    def labels(self) -> dict[str, str]:
        found: dict[str, str] = self.record["labels"]  # type: ignore[assignment]
        return found

    @property
    def driver_options(self) -> dict[str, str]:
        """type, device and o of what is mounted over its directory; none where its files lie there."""
        found: dict[str, str] = self.record["driverOptions"]  # type: ignore[assignment]
        return found


class Volumes:
    """The volumes of the store."""

    __slots__ = ("path", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.root, "volumes")

    def making(self, record: Document) -> Making:
        """A `with` block that yields a new volume, nobody's yet, whose `data` may be filled; at its end it appears.

        Raises UsageError for a malformed name, and Conflict at the end when another command has taken the name.
        """
        return Making(self, record)

    def begin(self, name: str) -> tuple[str, int]:
        """A new directory for what is to become a volume, or its files, and the descriptor that holds its lock: nobody
        takes it for abandoned. The caller removes and closes what it doesn't rename."""
        return asides.begin(self.store.directory("volumes", 0o711), name)

    def volume(self, record: Document) -> Volume:
        """The volume of a record that was read or made before."""
        return Volume(os.path.join(self.path, str(record["name"])), record)

    def load(self, name: str) -> Volume:
        """Raises NotFound, Corrupt."""
        if not is_name(name):
            raise _missing(name)
        path = os.path.join(self.path, name)
        try:
            data = files.read_in(path, "record.json", _RECORD_LIMIT, name, sealed=True)
            if data is not None:
                record = jsondoc.load_object(data, name)
                if not isinstance(data, files.Vouched):
                    from oci_spec import validate

                    validate.check("volume-record", record, name)
                if record["name"] != name:
                    raise FormatError(name, f"its record is volume {record['name']}'s")
                return self.volume(record)
        except NotFound:
            raise Corrupt(name, "the volume's record is missing", "store-check says what can be done") from None
        except (FormatError, Corrupt) as error:
            raise Corrupt(str(error), "the volume's record is damaged", "store-check says what can be done") from None
        raise _missing(name)

    def locked(self, name: str, *, shared: bool = False, damaged: bool = False) -> Locked:
        """A `with` block that yields the volume under its lock, which it waits for. Raises what `load` raises; with
        `damaged`, one whose record can't be read is yielded with a record that says nothing but its name."""
        return Locked(self, name, shared, damaged)

    def names(self) -> list[str]:
        """Every volume's name, in order."""
        try:
            return sorted(name for name in os.listdir(self.path) if is_name(name))
        except FileNotFoundError:
            return []

    def all(self) -> Iterator[Volume]:
        """Every volume; one that is removed meanwhile is passed over. Raises Corrupt."""
        for name in self.names():
            try:
                yield self.load(name)
            except NotFound:
                continue

    def usage(self) -> dict[str, list[Container]]:
        """The containers that use each volume, by its name. Raises Corrupt for a damaged record of a container."""
        found: dict[str, list[Container]] = {}
        for container in self.store.containers.all():
            for name in volumes_of(container.record):
                found.setdefault(name, []).append(container)
        return found

    def users(self, name: str) -> list[Container]:
        """The containers that use one volume. Raises Corrupt for a damaged record of a container."""
        return self.usage().get(name, [])

    def remove(self, volume: Volume) -> None:
        """Removes a volume whose lock is ours: out of sight in one rename, then deleted. Nothing is mounted in it."""
        aside = os.path.join(self.path, files.temporary_name(volume.name))
        os.rename(volume.path, aside)
        files.sync_directory(self.path)
        remove_tree(aside)

    def remove_unfinished(self) -> None:
        """Removes what killed commands left of volumes that never appeared, or were being removed."""
        asides.sweep(self.path)


class Making:
    """One volume on its way in."""

    __slots__ = ("_aside", "_lock", "_place", "_record", "_volumes")

    def __init__(self, volumes: Volumes, record: Document) -> None:
        name = str(record["name"])
        check_name(name)
        self._volumes = volumes
        self._record = record
        self._place = os.path.join(volumes.path, name)
        self._aside = ""
        self._lock = -1

    def __enter__(self) -> Volume:
        self._aside, self._lock = self._volumes.begin(str(self._record["name"]))
        data = os.path.join(self._aside, "data")
        try:
            os.mkdir(data)
            os.chmod(data, 0o755)  # whatever our umask is
        except BaseException:
            self._drop()
            raise
        return Volume(self._aside, self._record, self._lock)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            self._drop()

    def _publish(self) -> None:
        if os.listdir(os.path.join(self._aside, "data")):
            sync_filesystem(self._aside)
        data = jsondoc.dumps(self._record)
        files.write_atomic(os.path.join(self._aside, "record.json"), data, 0o600, sealed=True)
        try:
            os.rename(self._aside, self._place)
        except OSError:
            if not os.path.lexists(self._place):
                raise
            raise Conflict(str(self._record["name"]), "the volume is there already", "choose another name") from None
        files.sync_directory(self._volumes.path)

    def _drop(self) -> None:
        """Lets go of the volume, and removes what has not become one."""
        try:
            remove_tree(self._aside)
        finally:
            os.close(self._lock)


class Locked:
    """A volume under its lock."""

    __slots__ = ("_damaged", "_lock", "_name", "_path", "_shared", "_volumes")

    def __init__(self, volumes: Volumes, name: str, shared: bool, damaged: bool) -> None:
        self._damaged = damaged
        self._volumes = volumes
        self._name = name
        self._path = os.path.join(volumes.path, name)
        self._shared = shared

    def __enter__(self) -> Volume:
        if not is_name(self._name):
            raise _missing(self._name)
        while True:
            self._lock = locks.locked(self._path, self._shared)
            try:
                fd = self._lock.__enter__()
            except FileNotFoundError:
                raise _missing(self._name) from None
            try:
                if os.path.samestat(os.fstat(fd), os.stat(self._path)):
                    found = self._load()
                    found.lock = fd
                    return found
            except FileNotFoundError:
                pass  # it was removed while we waited
            except BaseException:
                self._lock.__exit__(None, None, None)
                raise
            self._lock.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)

    def _load(self) -> Volume:
        try:
            return self._volumes.load(self._name)
        except Corrupt:
            if not self._damaged:
                raise
            return Volume(self._path, {"name": self._name, "driverOptions": {}, "labels": {}, "anonymous": False})


def volumes_of(record: Document) -> list[str]:
    """The volumes that a container's record names."""
    found: list[str] = record.get("volumes") or []  # type: ignore[assignment]
    return found


def is_name(text: str) -> bool:
    """Whether a volume can be called this: two or more letters, digits, `_`, `.` and `-`, not beginning with a mark."""
    return 2 <= len(text) <= _LENGTH and text[0].isalnum() and _CHARACTERS.issuperset(text)


def check_name(name: str) -> None:
    """Raises UsageError for what is no volume's name."""
    if not is_name(name):
        raise UsageError(
            name, "is no volume name", "use two or more letters, digits, _ . and -, beginning with a letter or digit"
        )


def _missing(name: str) -> NotFound:
    return NotFound(name, "no such volume", "vol-ls lists what is there")
