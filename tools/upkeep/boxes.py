"""Containers: their records, configs, parts and names."""

from __future__ import annotations

import os

from oci_spec import digest, jsondoc, validate
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt, NotFound
from ..host import files, locks
from .content import listed, stray
from .finding import finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.store import Store

_LIMIT = 4 << 20
_PARTS = {"upper": 0o755, "work": 0o700, "rootfs": 0o755}


class Unusable(Exception):
    """A document of a container that is missing or damaged; the code of the finding, and what is wrong."""

    def __init__(self, code: str, problem: str) -> None:
        self.code = code
        self.problem = problem
        super().__init__(problem)


def records(store: Store) -> tuple[list[dict[str, Any]], list[Document]]:
    """The records of all containers that have a whole one, and findings about the others."""
    found: list[dict[str, Any]] = []
    wrong: list[Document] = []
    for container_id in sorted(store.containers.ids()):
        path = os.path.join(store.containers.path, container_id)
        try:
            found.append(_record(path, container_id))
        except Unusable as error:
            if os.path.isdir(path):  # it has not been removed meanwhile
                wrong.append(
                    finding(
                        error.code, place("container", store.root, path, id=container_id), error.problem,
                        containers=[name_of(store, container_id)],
                        remedy=f"save what you need of {path}/upper; store-prune --containers removes it",
                    )
                )  # fmt: skip
    return found, wrong


def _record(path: str, container_id: str) -> dict[str, Any]:
    record: dict[str, Any] = _document(os.path.join(path, "record.json"), "container-record", "RECORD")
    if record["id"] != container_id:
        raise Unusable("RECORD_DAMAGED", f"its record is container {record['id']}'s")
    return record


def _config(path: str) -> None:
    """Raises Unusable when the container in this directory has no config, or one that is not its own: what is mounted
    on its /etc/hostname lies in the container's directory, whatever names it has had."""
    config = _document(os.path.join(path, "config.json"), "runtime-config", "CONFIG")
    sources = [str(one.get("source")) for one in config.get("mounts") or () if one["destination"] == "/etc/hostname"]
    others = [os.path.basename(os.path.dirname(one)) for one in sources if one.endswith("/hostname")]
    for other in others:
        if len(other) == 64 and other != os.path.basename(path):
            raise Unusable("CONFIG_DAMAGED", f"config.json is container {other[:12]}'s")


def _document(path: str, kind: str, code: str) -> Any:
    name = os.path.basename(path)
    try:
        data = files.read_limited(path, _LIMIT, name, sealed=True)
        return validate.check(kind, jsondoc.load_object(data, name), name)
    except NotFound:
        raise Unusable(f"{code}_MISSING", f"{name} is missing") from None
    except (Corrupt, FormatError) as error:
        raise Unusable(f"{code}_DAMAGED", str(error)) from None


def name_of(store: Store, container_id: str) -> str:
    """A container's name by the link that says so, else the beginning of its id."""
    directory = os.path.join(store.containers.path, "names")
    for name in listed(directory):
        if _target(os.path.join(directory, name)) == container_id:
            return name
    return container_id[:12]


def _target(link: str) -> str:
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return ""


def problems(store: Store, found: list[dict[str, Any]]) -> Iterator[Document]:
    """What is wrong with the containers of these records beside them, and with names and marks of none."""
    for record in found:
        path = os.path.join(store.containers.path, record["id"])
        target = place("container", store.root, path, id=record["id"])
        for wrong in list(_of_one(store, record, path, target)):
            if os.path.exists(os.path.join(path, "record.json")):  # it has not been removed meanwhile
                yield wrong
    for name in listed(store.containers.path):
        if name not in ("names", "rm") and len(name) != 64 and not name.startswith(files.TEMPORARY):
            yield stray(store, os.path.join(store.containers.path, name))
    for kind, link in dangling(store):
        code = "NAME_DANGLING" if kind == "container name" else "MARK_DANGLING"
        yield finding(code, place(kind, store.root, link), "leads to no container", garbage=True)
    for directory in ("names", "rm"):
        base = os.path.join(store.containers.path, directory)
        for name in listed(base):
            if not os.path.islink(os.path.join(base, name)) and os.path.lexists(os.path.join(base, name)):
                yield stray(store, os.path.join(base, name))


def _of_one(store: Store, record: dict[str, Any], path: str, target: Document) -> Iterator[Document]:
    name = record["name"]
    if os.path.lexists(os.path.join(store.containers.path, "rm", record["id"])) and not is_alive(path):
        yield finding("CONTAINER_ABANDONED", target, "was to be removed at its end, and its command is gone",
                      garbage=True, containers=[name])  # fmt: skip
        return  # what else it lacks goes with it
    by_hand = f"save what you need of {path}/upper; store-prune --containers removes it"
    try:
        if record["status"] != "created" or os.path.lexists(os.path.join(path, "config.json")):
            _config(path)
    except Unusable as error:
        yield finding(error.code, target, error.problem, containers=[name], remedy=by_hand)
    for part in _PARTS:
        if not os.path.isdir(os.path.join(path, part)):
            yield finding("CONTAINER_DAMAGED", target, f"its directory {part} is missing", containers=[name],
                          remedy="" if part != "upper" else by_hand)  # fmt: skip
    from ..runtime.placement import FILES

    for part in FILES if os.path.exists(os.path.join(path, "config.json")) else ():
        try:
            files.read_limited(os.path.join(path, part), _LIMIT, part, sealed=True)
        except (NotFound, Corrupt) as error:
            yield finding("CONTAINER_DAMAGED", target, f"its /etc/{part}: {error.problem}", containers=[name],
                          remedy="ctr-restart writes it anew")  # fmt: skip
    if _target(os.path.join(store.containers.path, "names", name)) != record["id"]:
        link = place("container name", store.root, os.path.join(store.containers.path, "names", name), id=record["id"])
        yield finding("NAME_WRONG", link, f"does not stand for container {record['id'][:12]}", containers=[name])


def is_alive(path: str) -> bool:
    """Whether a command or a runtime still has the container with this directory."""
    return locks.is_held(path) or has_keeper(path)


def has_keeper(path: str) -> bool:
    """Whether a monitor, a runtime or somebody who waits to start it again has the container with this directory."""
    return any(locks.is_held(os.path.join(path, name)) for name in ("run.lock", "restart.lock"))


def dangling(store: Store) -> list[tuple[str, str]]:
    """Kind and path of names and marks that lead to no container."""
    if not os.path.isdir(store.containers.path):
        return []
    found = []
    with locks.locked(store.containers.path):  # nobody is just making or removing one
        for directory, kind in (("names", "container name"), ("rm", "mark")):
            base = os.path.join(store.containers.path, directory)
            links = (os.path.join(base, name) for name in sorted(listed(base)))
            found += [(kind, link) for link in links if os.path.islink(link) and not os.path.exists(link)]
    return found


def state(path: str) -> str:
    """What the container in this directory is like: the digest of its record."""
    try:
        return digest.of_bytes(files.read_limited(os.path.join(path, "record.json"), _LIMIT))
    except (NotFound, Corrupt):
        return "no record"


def rename(store: Store, container_id: str) -> bool:
    """Makes a container's name stand for it again. Raises NotFound, Corrupt, and Conflict when another has the name."""
    with locks.locked(store.containers.path):
        container = store.containers.load(container_id)
        link = os.path.join(store.containers.path, "names", container.name)
        holder = _target(link)
        if holder == container_id:
            return False
        if holder and os.path.isdir(os.path.join(store.containers.path, holder)):
            other = store.containers.load(holder)
            if other.name == container.name:
                raise Conflict(container.name, f"two containers have it: {container_id[:12]} and {holder[:12]}")
        files.make_directories(os.path.dirname(link), 0o711)
        aside = os.path.join(store.containers.path, files.temporary_name(container.name))
        os.symlink(f"../{container_id}", aside)
        os.rename(aside, link)
        files.sync_directory(os.path.dirname(link))
    return True


def remake(store: Store, container_id: str) -> bool:
    """Makes the empty directories of a container that are missing. Not `upper`, which held what it had
    written: raises Conflict where that is missing."""
    container = store.containers.load(container_id)
    missing = [part for part in ("work", "rootfs") if not os.path.isdir(os.path.join(container.path, part))]
    for part in missing:
        os.mkdir(os.path.join(container.path, part), _PARTS[part])
    if not os.path.isdir(os.path.join(container.path, "upper")):
        raise Conflict(
            container.name, "its directory upper is missing, with all that it had written", "see store-check"
        )
    return bool(missing)
