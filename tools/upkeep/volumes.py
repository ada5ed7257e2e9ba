"""Volumes: their records and directories, who uses them, and what is mounted for nobody."""

from __future__ import annotations

import os

from ..errors import Corrupt, NotFound
from ..host import files
from ..store.volumes import is_name, volumes_of
from ..volume import mount
from . import leftovers
from .boxes import state as record_state
from .content import listed, stray
from .finding import finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.store import Store
    from ..store.volumes import Volume

_PARTS = frozenset(("data", "record.json", "filling", "half"))


def used(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The names of the containers that use each volume, by the containers' records."""
    found: dict[str, list[str]] = {}
    for record in records:
        for name in volumes_of(record):
            found.setdefault(name, []).append(str(record["name"]))
    return found


def whole(store: Store) -> Iterator[Volume]:
    """Every volume that has a whole record."""
    for name in store.volumes.names():
        try:
            yield store.volumes.load(name)
        except (NotFound, Corrupt):
            continue


def state(volume: Volume) -> str:
    """What a volume is like: the same again only when it is the same one."""
    return f"{record_state(volume.path)} {leftovers.state(volume.path)}"


def problems(store: Store, records: list[dict[str, Any]], known: bool) -> Iterator[Document]:
    """What is wrong with the volumes, and with containers that have none of theirs. Whether something is mounted for
    nobody is told only when all records of containers are `known`."""
    users = used(records)
    base = store.volumes.path
    for name in sorted(listed(base)):
        path = os.path.join(base, name)
        if is_name(name) and os.path.isdir(path) and not os.path.islink(path):
            yield from _of_one(store, name, path, users.get(name, []))
        elif not name.startswith(files.TEMPORARY):
            yield stray(store, path)
    for name in sorted(users):
        path = os.path.join(base, name)
        if not os.path.lexists(path):
            yield finding(
                "VOLUME_MISSING", place("volume", store.root, path, id=name), "is missing, and a container uses it",
                containers=users[name], remedy=f"vol-import {name} brings it back, vol-create {name} makes it empty",
            )  # fmt: skip
    for volume in mount.left_mounted(store) if known else ():
        yield finding("VOLUME_MOUNTED", _mounted(store, volume), "is mounted, and nobody uses it", garbage=True)


def _of_one(store: Store, name: str, path: str, users: list[str]) -> Iterator[Document]:
    target = place("volume", store.root, path, id=name)
    try:
        store.volumes.load(name)
    except NotFound:
        return  # it has been removed meanwhile
    except Corrupt as error:
        how = "DAMAGED" if os.path.lexists(os.path.join(path, "record.json")) else "MISSING"
        yield finding(
            f"VOLUME_RECORD_{how}", target, error.problem, containers=users,
            remedy=f"save what you need of {path}/data; vol-rm --force removes it",
        )  # fmt: skip
    if not os.path.isdir(os.path.join(path, "data")) and os.path.isdir(path):
        yield finding("VOLUME_DAMAGED", target, "its directory data is missing, with all that was in it",
                      containers=users)  # fmt: skip
    for part in sorted(set(listed(path)) - _PARTS):
        if not part.startswith(files.TEMPORARY):
            yield stray(store, os.path.join(path, part))


def _mounted(store: Store, volume: Volume) -> Document:
    return place("volume mount", store.root, volume.data, id=volume.name)


def left_mounted(store: Store) -> Iterator[tuple[Document, str]]:
    """The object of each mount that is there for nobody, and the place. Raises Corrupt."""
    for volume in mount.left_mounted(store):
        yield _mounted(store, volume), volume.data


def remake(store: Store, name: str) -> bool:
    """Makes the directory of a volume's files again, empty; whether it was missing. Raises NotFound, Corrupt."""
    with store.volumes.locked(name) as volume:
        if os.path.isdir(volume.data):
            return False
        os.mkdir(volume.data)
        os.chmod(volume.data, 0o755)
        files.sync_directory(volume.path)
        return True
