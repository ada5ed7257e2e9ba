"""A plan carried out: what it lists goes, and what came into use or changed since it was made is skipped, and told.

Everything is looked at again under the locks that those who could come to need it wait for; what a plan says is never
enough to delete anything. Names go before content, so whatever ends it, what is left is garbage.
"""

from __future__ import annotations

import os
from functools import partial

from oci_spec import digest, validate
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

from ..containers import ending
from ..errors import Conflict, Corrupt, NotFound, OcipipeError
from ..host import files, locks
from ..store.collect import Collection
from ..store.container import Container
from ..store.reach import Reach
from ..volume import mount
from ..volume.remove import delete
from . import boxes, builds, identity, leftovers, salvage, volumes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store

    Action = dict[str, Any]

AT_ONCE = 256
"""Blobs and layers that are collected under one lock: then commands that wait for it have their turn."""
_HERE = "see what store-prune --plan prints for this store"


def checked(store: Store, items: Iterable[Document | str]) -> list[Action]:
    """The actions of a plan, all of them known to be ours and for this store. Raises FormatError, Corrupt, Conflict;
    nothing has been done by then."""
    found: list[Action] = []
    given = list(items)
    mine = identity.known(store)  # not before: who makes the plan, at the other end of the pipe, may have made the id
    for number, item in enumerate(given, 1):
        subject = f"plan (action {number})"
        if isinstance(item, str):
            raise Corrupt(subject, f"is the word {item[:40]!r}, no action", _HERE)
        action: Action = dict(validate.check("action", item, subject))
        if not {"kind", "store", "state", "bytes"} <= action.keys() or action["action"] not in ("delete", "renew"):
            raise Corrupt(subject, "is no action of a prune", _HERE)
        if action["store"] != mine:
            raise Conflict(subject, f"is for the store {action['store']}, and this is {mine or 'another'}", _HERE)
        found.append(action)
        if action["kind"] not in _KINDS or (action["action"] == "renew") != (action["kind"] == "index copy"):
            raise Corrupt(subject, f"is to {action['action']} a {action['kind']}, which no prune does", _HERE)
        _check_target(action, subject)
    return found


def _check_target(action: Action, subject: str) -> None:
    kind, target = action["kind"], action["object"]
    if kind in ("image", "blob"):
        Descriptor.parse(target, subject)
    elif kind == "layer":
        digest.parse(target.get("id"), subject)
    elif not isinstance(target.get("id" if kind in _BY_ID else "path"), str):
        raise FormatError(subject, "names no object", "/object")


def apply(ctx: Context, store: Store, actions: list[Action]) -> Iterator[Document | OcipipeError]:
    """Carries out checked actions; each is yielded as it is done, or as `skip` with the reason."""
    dead = [action for action in actions if action["kind"] == "lease"]  # whoever collects would clear them on the way
    yield from _leftovers(ctx, store, dead)
    parts: tuple[tuple[str, Callable[[Action], str]], ...] = (
        ("container", partial(_container, ctx, store)), ("volume", partial(_volume, store)),
        ("image", partial(_image, store)), (builds.RECORD, partial(_record, store)),
        (builds.MOUNT, partial(_mount, store)),
    )  # fmt: skip
    for kind, remove in parts:
        for action in actions:
            if action["kind"] == kind:
                yield from _tried(action, remove)
    collected = [action for action in actions if action["kind"] == "layer"]
    collected += [action for action in actions if action["kind"] == "blob"]
    for start in range(0, len(collected), AT_ONCE):
        try:
            done = list(_collect(store, collected[start : start + AT_ONCE]))
        except OcipipeError as error:
            yield error
            break
        yield from done
    yield from _leftovers(ctx, store, [action for action in actions if action["kind"] in _LEFTOVERS])


def _tried(action: Action, do: Callable[[Action], str]) -> Iterator[Document | OcipipeError]:
    try:
        why = do(action)
    except OcipipeError as error:
        yield error
    else:
        yield _skipped(action, why) if why else action


def _skipped(action: Action, why: str) -> Document:
    reasons = [{"field": "state", "from": "as planned", "to": why}]
    return {**action, "action": "skip", "reasons": reasons, "bytes": 0}


def _container(ctx: Context, store: Store, action: Action) -> str:
    """Removes a container that has no process; why not, if it stays."""
    container_id = str(action["object"]["id"])
    if container_id not in store.containers.ids():
        return "gone"
    path = os.path.join(store.containers.path, container_id)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return "gone"
    try:
        if not locks.take(fd) or boxes.has_keeper(path):
            return "in use"
        if boxes.state(path) != action["state"]:
            return "changed"
        try:
            ended = ending.remove_ended(ctx, store, store.containers.load(container_id))
        except Corrupt:  # its record says neither runtime nor name
            if any(os.path.exists(os.path.join(ctx.run_root, name, container_id)) for name in _listed(ctx.run_root)):
                return "its runtime may have a process of it"
            record: Document = {"id": container_id, "name": boxes.name_of(store, container_id)}
            store.containers.remove(Container(path, record))
            ended = True
        return "" if ended else "its process runs"
    finally:
        os.close(fd)


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []


def _volume(store: Store, action: Action) -> str:
    """Removes a volume that no container uses; why not, if it stays."""
    try:
        with store.volumes.locked(str(action["object"]["id"])) as volume:
            users = store.volumes.users(volume.name)
            if users:
                return f"in use by container {users[0].name}"
            if volumes.state(volume) != action["state"]:
                return "changed"
            delete(store, volume)
    except NotFound:
        return "gone"
    return ""


def _image(store: Store, action: Action) -> str:
    """Removes an entry, while nobody can come to need it; why not, if it stays."""
    entry = Descriptor.parse(action["object"], "plan")
    with Collection(store) as collection:
        if entry.digest in collection.leased:
            return "in use by a command"
        mine = Reach()
        mine.add(store, entry)
        users = store.containers.using(*mine.blobs)
        if users:
            return f"in use by container {users[0][:12]}"
        return "" if store.refs.drop(entry) else "gone, or its name has changed"


def _record(store: Store, action: Action) -> str:
    return builds.remove_record(store, str(action["object"]["id"]), action["state"])


def _mount(store: Store, action: Action) -> str:
    return builds.remove_mount(store, str(action["object"]["id"]))


def _collect(store: Store, actions: list[Action]) -> Iterator[Document]:
    """Layers and blobs that nothing needs by now."""
    with Collection(store) as collection:
        for action in actions:
            layer = action["kind"] == "layer"
            one = digest.parse(action["object"]["id" if layer else "digest"], "plan")
            path = store.layers.path(one) if layer else store.blobs.path(one)
            if one in (collection.layers if layer else collection.blobs) or collection.kept.unread:
                yield _skipped(action, "in use")
            elif (there := leftovers.state(path)) != action["state"]:
                yield _skipped(action, there if there == "gone" else "changed")
            else:
                if layer:
                    collection.layer(one)
                else:
                    collection.blob(one)
                yield action


def _leftovers(ctx: Context, store: Store, actions: list[Action]) -> Iterator[Document | OcipipeError]:
    if actions:
        there = {one.path: one for one in leftovers.found(store, ctx.now(), 0)}
        links = {path for _, path in boxes.dangling(store)}
        for action in actions:
            yield from _tried(action, partial(_leftover, store, there, links))


def _leftover(store: Store, there: dict[str, leftovers.Leftover], links: set[str], action: Action) -> str:
    """Removes what a killed command left, if it is still that; why not, if it stays."""
    if action["kind"] == "volume mount":
        found = [place for target, place in volumes.left_mounted(store) if target["id"] == action["object"]["id"]]
        if not found:
            return "gone, or in use"
        mount.release(store, action["object"]["id"])
        return ""
    path = os.path.join(store.root, action["object"]["path"])
    state = leftovers.state(path)
    if state != action["state"]:
        return state if state == "gone" else "changed"
    if action["kind"] == "index copy":
        return "" if salvage.spare(store) else "changed"
    if path in links:
        with locks.locked(store.containers.path):
            return "" if not os.path.exists(path) and files.remove_file(path) else "in use"
    known = there.get(path)
    return "" if known is not None and known.kind == action["kind"] and leftovers.remove(store, known) else "in use"


_BY_ID = frozenset(("container", "volume", "volume mount", builds.RECORD, builds.MOUNT))
_LEFTOVERS = frozenset(("partial", "temporary", "container name", "mark", "index copy", "volume mount"))
_KINDS = _LEFTOVERS | {"lease", "container", "volume", "image", "layer", "blob", builds.RECORD, builds.MOUNT}
