"""What builds keep, seen from upkeep: records of steps and cache mounts, what they need and what may go of them."""

from __future__ import annotations

import os

from ..host import locks
from . import leftovers
from .finding import finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from oci_spec.jsondoc import Document

    from ..store.builds import Record
    from ..store.cache_mounts import CacheMount
    from ..store.store import Store

RECORD, MOUNT = "build record", "cache mount"


def problems(store: Store, known: Collection[str], *, sizes_only: bool) -> Iterator[Document]:
    """Records whose layer no build could use: its blob is damaged. Blobs that are `known` are looked at elsewhere; one
    that is missing costs a build no more than the step."""
    for record in store.builds.all():
        if record.layer is None or record.layer.digest in known:
            continue
        found = store.blobs.damage(record.layer, sizes_only=sizes_only)
        if found is not None and found.kind != "missing":
            yield finding(
                "BUILD_DAMAGED", _of_record(store, record), f"the layer of a step: {found.problem}",
                remedy="store-prune --build-cache --older-than 0s, and build again",
            )  # fmt: skip


def _of_record(store: Store, record: Record) -> Document:
    return place(RECORD, store.root, store.builds.record_path(record.key), id=record.key)


def of_record(store: Store, record: Record) -> tuple[Document, str, str]:
    """A record for a plan: its object, its file, what it is a step of."""
    return _of_record(store, record), store.builds.record_path(record.key), record.step


def of_mount(store: Store, mount: CacheMount) -> tuple[Document, str, str]:
    """A cache mount for a plan: its object, its directory, what Dockerfiles call it."""
    return place(MOUNT, store.root, mount.path, id=os.path.basename(mount.path)), mount.path, mount.id


def is_free(mount: CacheMount) -> bool:
    """Whether no build has it mounted."""
    return not locks.is_held(os.path.join(mount.path, "lock"))


def remove_record(store: Store, key: str, state: str) -> str:
    """Removes a record that is as it was planned; why not, if it stays."""
    found = leftovers.state(store.builds.record_path(key))
    if found != state:
        return found if found == "gone" else "changed"
    return "" if store.builds.drop(key) else "gone"


def remove_mount(store: Store, name: str) -> str:
    """Removes a cache mount that no build uses; why not, if it stays."""
    mount = next((one for one in store.builds.mounts.all() if os.path.basename(one.path) == name), None)
    if mount is None:
        return "gone"
    fd = mount.take(shared=False)
    if fd < 0:
        return "in use"
    try:
        mount.remove()
    finally:
        os.close(fd)
    return ""
