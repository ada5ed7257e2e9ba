"""Containers: one directory each, which is the runtime bundle as well.

    containers/ID/record.json   what we know of it (schema container-record)
    containers/ID/config.json   the runtime config
    containers/ID/upper work    the writable layer;  rootfs: where the overlay is mounted
    containers/names/NAME       a link to ID: making it is what takes a name
    containers/rm/ID            its command removes it at its end (--rm)
    containers/ID/run.lock      held by its monitor or runtime, which outlive the command that started them
    containers/ID/restart.lock  held by who waits to start it again
    containers/ID/health.lock   held by who asks how it is
    containers/ID/exit/ID       the exit status, as the monitor writes it down

A container appears whole, by one rename. Whoever changes one holds the kernel lock of its directory, and no longer
than that takes; only a command that is itself the parent of the runtime (`ctr-run --rm`) holds it for as long as it
runs. That lock is no runtime's to inherit: with a descriptor of a directory of the host, a container could leave its
root.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt, NotFound, UsageError
from ..host import files, locks, mounts
from ..host.trees import remove_tree
from . import asides
from .container import Container, Locked, stood_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from .store import Store

_RECORD_LIMIT = 4 << 20
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class Containers:
    """The containers of the store."""

    __slots__ = ("path", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.root, "containers")

    def create(self, record: Document, *, removed_at_end: bool = False) -> Container:
        """A new container with this record (`id`, `name` and more), locked by us; its directories are empty still.

        Raises Conflict for a name in use, UsageError for one that is malformed.
        """
        container_id, name = str(record["id"]), str(record["name"])
        check_name(name)
        self.store.directory("containers/names", 0o711)
        aside, lock = asides.begin(self.path, container_id[:12])
        mark = os.path.join(self.path, "rm", container_id)
        place = os.path.join(self.path, container_id)
        container = Container(place, record, lock, set() if removed_at_end else None)
        try:
            for part, mode in (("upper", 0o755), ("work", 0o700), ("rootfs", 0o755)):
                os.mkdir(os.path.join(aside, part), mode)
            files.write_atomic(os.path.join(aside, "record.json"), jsondoc.dumps(record), 0o600, sealed=True)
            with locks.locked(self.path):
                if removed_at_end:
                    self.store.directory("containers/rm", 0o711)
                    os.symlink(f"../{container_id}", mark)
                    self._sync("rm")  # what nobody has finished is known for it, whatever a disk loses
                self._take(name, container_id)
                if not record["removedAtEnd"]:
                    self._sync("names")
                os.rename(aside, place)
            files.sync_directory(self.path)
        except BaseException:
            self.remove(container)  # if it has appeared
            files.remove_file(mark)
            remove_tree(aside)
            container.release()
            raise
        return container

    def _take(self, name: str, container_id: str) -> None:
        link = os.path.join(self.path, "names", name)
        try:
            os.symlink(f"../{container_id}", link)
        except FileExistsError:
            holder = _target(link)
            if holder == container_id:
                return  # who was to give it this name was killed before its record had it
            if os.path.exists(link):
                raise Conflict(
                    name, f"the name is in use by container {holder[:12]}", "choose another --name"
                ) from None
            os.unlink(link)  # left by a command that was killed before its container appeared
            os.symlink(f"../{container_id}", link)

    def locked(self, container: Container) -> Locked:
        """A `with` block that yields the container, read anew, while nobody else changes it. Raises NotFound when it
        has been removed by then, Corrupt."""
        return Locked(self, container)

    def keep(self, container: Container) -> None:
        """The container, made to be removed with its command, stays from now on."""
        container.settle()
        files.remove_file(os.path.join(self.path, "rm", container.id))
        self._sync("rm")

    def _sync(self, index: str) -> None:
        files.sync_directory(os.path.join(self.path, index))

    def give_up(self, container: Container, *, durable: bool = False) -> None:
        """The container goes as soon as it has neither a command nor a monitor."""
        self.store.directory("containers/rm", 0o711)
        mark = os.path.join(self.path, "rm", container.id)
        if not os.path.lexists(mark):
            os.symlink(f"../{container.id}", mark)
            if durable:
                self._sync("rm")

    def is_given_up(self, container: Container) -> bool:
        """Whether the container is to be removed with its command or monitor."""
        return os.path.lexists(os.path.join(self.path, "rm", container.id))

    def rename(self, container: Container, name: str) -> None:
        """Gives a container another name. Raises Conflict, UsageError."""
        check_name(name)
        before = container.name
        if name == before:
            return
        with locks.locked(self.path):
            self._release(container)
            self._take(name, container.id)
            container.update(name=name, formerName=before)
            self._release(container)
            self._sync("names")

    def _release(self, container: Container) -> None:
        """Its former name, which whoever gave it another may have been killed before taking away, is nobody's."""
        former = container.record.get("formerName")
        link = os.path.join(self.path, "names", str(former))
        if former and former != container.name and _target(link) == container.id:
            files.remove_file(link)

    def find(self, text: str) -> Container:
        """By name, id, or unique beginning of an id. Raises NotFound, Conflict."""
        named = _target(os.path.join(self.path, "names", text)) if not {"/", "\0"} & set(text) else ""
        if named and os.path.exists(os.path.join(self.path, named)):
            return self.load(named)
        found = [one for one in self.ids() if text and one.startswith(text)]
        if len(found) > 1:
            raise Conflict(text, f"stands for {len(found)} containers", "give more digits")
        if not found:
            raise NotFound(text, "no such container", "ctr-ps -a lists them")
        return self.load(found[0])

    def container(self, record: Document) -> Container:
        """The container of a record that was read before."""
        return Container(os.path.join(self.path, str(record["id"])), record)

    def load(self, container_id: str) -> Container:
        """The container with this whole id. Raises NotFound, Corrupt."""
        path = os.path.join(self.path, container_id)
        try:
            data = files.read_in(path, "record.json", _RECORD_LIMIT, container_id, sealed=True)
            if data is not None:
                record = jsondoc.load_object(data, container_id)
                if not isinstance(data, files.Vouched):
                    from oci_spec import validate

                    validate.check("container-record", record, container_id)
                if record["id"] != container_id:
                    raise FormatError(container_id, f"its record is container {record['id']}'s")
                return Container(path, record)
        except NotFound:
            raise Corrupt(container_id, "its record is missing", "store-check says what can be done") from None
        except (FormatError, Corrupt) as error:
            raise Corrupt(
                str(error), "the container's record is damaged", "store-check says what can be done"
            ) from None
        raise NotFound(container_id, "no such container", "ctr-ps -a lists them")

    def ids(self) -> list[str]:
        """The ids of all containers."""
        return [name for name in _listed(self.path) if len(name) == 64]

    def all(self) -> Iterator[Container]:
        """Every container; one that is removed meanwhile is passed over."""
        for container_id in self.ids():
            try:
                yield self.load(container_id)
            except NotFound:
                continue

    def needed(self) -> set[str]:
        """The chain IDs of every layer that a container stands on."""
        return {str(chain_id) for one in self.all() for chain_id in stood_on(one.record)}

    def using(self, *images: Digest) -> list[str]:
        """The ids of the containers made from one of these images."""
        return [one.id for one in self.all() if _digest(one.record) in images]

    def marked(self) -> list[str]:
        """The ids of those that are to be removed with their commands or monitors."""
        return _listed(os.path.join(self.path, "rm"))

    def abandoned(self) -> Iterator[Container]:
        """Containers that were to be removed at their end, but whose command is gone; each locked by us meanwhile.

        One with a damaged record is passed over.
        """
        directory = os.path.join(self.path, "rm")
        for name in _listed(directory):
            try:
                lock = os.open(os.path.join(self.path, name), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                with locks.locked(self.path):  # nobody is just making it
                    if not os.path.exists(os.path.join(self.path, name)):
                        files.remove_file(os.path.join(directory, name))
                continue
            try:
                if locks.take(lock) and not any(
                    locks.is_held(os.path.join(self.path, name, one)) for one in ("run.lock", "restart.lock")
                ):
                    yield self.load(name)
            except (NotFound, Corrupt):
                continue
            finally:
                os.close(lock)

    def remove_unfinished(self) -> None:
        """Removes what killed commands left of containers that never appeared, or were being removed."""
        asides.sweep(self.path, self._release_name)

    def _release_name(self, aside: str) -> None:
        """The name of a container that never appeared, or is out of sight, is nobody's: who was killed between has not
        come to that."""
        try:
            record = jsondoc.load_object(files.read_limited(os.path.join(aside, "record.json"), _RECORD_LIMIT), aside)
        except (NotFound, FormatError, Corrupt):
            return  # it had no name yet, or has none any more
        container_id, link = str(record.get("id")), os.path.join(self.path, "names", str(record.get("name")))
        with locks.locked(self.path):
            if _target(link) == container_id and not os.path.exists(os.path.join(self.path, container_id)):
                files.remove_file(link)

    def remove(self, container: Container) -> None:
        """Removes a container that doesn't run: unmounted, out of sight in one rename, deleted. Its lock is ours."""
        mounts.unmount_under(container.path)
        aside = os.path.join(self.path, files.temporary_name(container.id[:12]))
        try:
            os.rename(container.path, aside)
        except FileNotFoundError:
            return
        files.sync_directory(self.path)  # before what says that it was to go
        link = os.path.join(self.path, "names", container.name)
        if _target(link) == container.id:
            files.remove_file(link)
        self._release(container)
        files.remove_file(os.path.join(self.path, "rm", container.id))
        remove_tree(aside)


def _digest(record: Document) -> object:
    """Its image's, None for a container that was made of a directory."""
    image: Document = record.get("image") or {}  # type: ignore[assignment]
    return image.get("digest")


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []


def _target(link: str) -> str:
    """The id that a name's link points to; '' for what is no link."""
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return ""


def check_name(name: str) -> None:
    """Raises UsageError unless `name` is letters, digits, `_`, `.` and `-`, and begins with a letter or digit."""
    if not name or not name[0].isalnum() or not _NAME_CHARACTERS.issuperset(name) or len(name) > 128:
        raise UsageError(
            name, "is no container name", "use letters, digits, _ . and -, beginning with a letter or digit"
        )
