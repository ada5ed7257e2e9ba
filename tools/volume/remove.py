"""Volumes removed, but for those that a container uses."""

from __future__ import annotations

from ..errors import Conflict, NotFound
from ..host import mounts
from . import mount
from .describe import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from ..store.store import Store
    from ..store.volumes import Volume


def remove(store: Store, name: str, *, force: bool = False, going: str = "") -> Document | None:
    """Removes a volume with its files; its action. Of a file system that its driver's options name, nothing is removed.
    `going` is the id of a container that is about to be removed, and does not count among its users.

    With `force`, one that is not there is no error (None is returned), nor is a damaged record. Raises NotFound,
    Corrupt, and Conflict while a container uses it, whether that runs or not.
    """
    try:
        with store.volumes.locked(name, damaged=force) as volume:
            users = [one for one in store.volumes.users(name) if one.id != going]
            if users:
                raise Conflict(name, f"container {users[0].name} uses it", "remove the container first")
            delete(store, volume)
    except NotFound:
        if not force:
            raise
        return None
    target = describe(volume) if "created" in volume.record else {"kind": "volume", "name": name}
    return {"action": "delete", "object": target, "reasons": []}


def delete(store: Store, volume: Volume) -> None:
    """Removes a volume whose lock is ours and that no container names. Raises Conflict where something else of this
    host is mounted in it."""
    mount.drop(store, volume)
    left = mounts.mounted_under(volume.path)
    if left:
        raise Conflict(volume.name, f"something is mounted at {left[0]}", "unmount it first")
    store.volumes.remove(volume)
