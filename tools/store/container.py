"""One container of the store: its record, its locks, and where its run-time state is."""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Conflict, Corrupt, NotFound
from ..host import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from .containers import Containers

_CONFIG_LIMIT = 4 << 20


def stood_on(record: Document) -> list[Digest]:
    """The chain IDs of all layers that a container with this record stands on or has mounted."""
    found: list[Digest] = [*record["chainIds"], *(record.get("mountedChainIds") or ())]  # type: ignore[misc]
    return found


class Container:
    """One container. `record` is its record.json as it was read or last written; `lock`, in the command that made it,
    is the descriptor that holds the kernel lock of its directory for as long as that command lives. `unsure` has, while
    it is made, the names of its files that a power cut may take: it is garbage then."""

    __slots__ = ("id", "lock", "path", "record", "unsure")

    def __init__(self, path: str, record: Document, lock: int = -1, unsure: set[str] | None = None) -> None:
        self.path = path
        self.lock = lock
        self.unsure = unsure
        self.id = str(record["id"])
        self.record = record

    @property
    def name(self) -> str:
        return str(self.record["name"])

    @property
    def rootfs(self) -> str:
        return os.path.join(self.path, "rootfs")

    @property
    def monitored(self) -> bool:
        """Whether a monitor keeps its streams and exit status, and not the command that runs it."""
        return bool(self.record.get("monitored"))

    @property
    def is_commands(self) -> bool:
        """Whether a command runs it, or is just starting it, with no monitor: it has its lock as long as it lives, and
        nobody restarts what it runs."""
        return not self.monitored and self.is_held("run.lock") and locks.is_held(self.path)

    def release(self) -> None:
        """Lets go of the lock that making it has given us."""
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1

    def lock_file(self, name: str) -> int:
        """An open descriptor of `run.lock`, `restart.lock` or `health.lock`, which holds it; who inherits it keeps it.

        Raises Conflict when somebody has it.
        """
        fd = os.open(os.path.join(self.path, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while not locks.take(fd):
            if not locks.take(fd, shared=True):  # who only asks shares it
                os.close(fd)
                raise Conflict(self.name, "is running", "stop it first")
        return fd

    def is_held(self, name: str) -> bool:
        """Whether somebody holds `run.lock`, `restart.lock` or `health.lock`."""
        return locks.is_held(os.path.join(self.path, name))

    def run_directory(self, run_root: str) -> str:
        """Where its run-time state is: `pid` and `monitor`, which mean something while `run.lock` is held."""
        return os.path.join(run_root, "containers", self.id)

    def config(self) -> Document:
        """Its config.json, which we wrote. Raises Corrupt."""
        try:
            place = os.path.join(self.path, "config.json")
            return jsondoc.load_object(files.read_limited(place, _CONFIG_LIMIT, self.name, sealed=True), self.name)
        except NotFound:
            raise Corrupt(self.name, "has no config.json: it was never made whole", "remove it with ctr-rm") from None
        except (Corrupt, jsondoc.FormatError) as error:
            raise Corrupt(
                str(error), "the container's config is damaged", "store-check says what can be done"
            ) from None

    def write(self, name: str, data: bytes) -> None:
        """Replaces one of its files; durably, but while it is made."""
        durable = self.unsure is None
        files.write_atomic(os.path.join(self.path, name), data, 0o600, sealed=True, durable=durable)
        self.wrote(name)

    def wrote(self, name: str) -> None:
        """One of its files was written, and not synced."""
        if self.unsure is not None:
            self.unsure.add(name)

    def settle(self) -> None:
        """Makes durable what was written while it was made: in one go, 5 syncs that nothing waits for when the runtime
        is busy with the container anyway."""
        names, self.unsure = self.unsure, None
        for name in sorted(names or ()):
            files.sync_file(os.path.join(self.path, name))
        if names:
            files.sync_directory(self.path)

    def update(self, **changes: object) -> None:
        """Changes fields of the record, durably."""
        self.put({**self.record, **changes})

    def put(self, record: Document) -> None:
        """Replaces the record, durably."""
        self.record = record
        files.write_atomic(os.path.join(self.path, "record.json"), jsondoc.dumps(self.record), 0o600, sealed=True)


class Locked:
    """One container, and nobody else changing it."""

    __slots__ = ("_container", "_containers", "_fd")

    def __init__(self, containers: Containers, container: Container) -> None:
        self._containers = containers
        self._container = container
        self._fd = -1

    def __enter__(self) -> Container:
        container = self._container
        try:
            self._fd = os.open(container.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(container.name, "no such container", "ctr-ps -a lists them") from None
        try:
            locks.wait(self._fd)
            found = self._containers.load(container.id)  # by its place: one that is being removed has left it
            found.lock = self._fd
            return found
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
