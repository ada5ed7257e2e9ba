"""Users of a container's own: whose ids they stand for, for as long as there is the container; and their namespace and
root, made anew for each start.

Its record's `users` says so, and its config.json the same in `linux`. No range is given away twice: who gives one holds
the lock of the containers' directory, and looks at every record there is.
"""

from __future__ import annotations

import os

from ..errors import NotFound, UsageError
from ..host import files, locks, mounts
from ..runtime import mapped, placement, root, userns
from ..runtime.userns import Maps
from ..volume import subpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..runtime.inputs import Options
    from ..store.container import Container
    from ..store.store import Store

_GIVEN = ("auto", "private")
"""Modes of who has a range of those that are free, and not one that was named."""
_PING, _EVERY_GROUP = "net.ipv4.ping_group_range", "0 2147483647"


def allot(store: Store, container: Container, options: Options, user: str) -> None:
    """Gives a new container what its options ask for; `user` is who its process is to be. Its lock is ours.

    Raises Unavailable where no range is free, Unsupported where its files cannot be seen with other owners, UsageError,
    Corrupt where a container's record is damaged: its range could be anywhere.
    """
    asked = options.users
    assert asked is not None
    if root.of_record(container) != container.rootfs:
        raise UsageError(
            "--rootfs", "a directory that is changed in place has the host's owners, and --userns has others",
            "write DIR:O, or use --userns host",
        )  # fmt: skip
    if asked.maps is not None:
        _keep(container, asked.mode if asked.mode == "container" else "mapped", asked.maps)
    elif asked.size is not None:
        _give(store, container, asked.mode, asked.size)
    else:
        root.mount(container, root.layers(store, container.record), options.mount_label)
        who = root.look_up(container.rootfs, user, options.groups)
        passwd, group = (root.read(container.rootfs, path) for path in ("/etc/passwd", "/etc/group"))
        _give(store, container, asked.mode, userns.needed(passwd, group, [who.uid, who.gid, *who.additional]))


def again(store: Store, container: Container, config: Document) -> None:
    """The same for a container that is made once more, whose record is still another's: it has a range of its own where
    that one was given one, unless its config was edited. Raises UsageError for a config without maps."""
    users: Any = container.record["users"]
    linux: Any = config.get("linux") or {}
    try:
        wanted = Maps.of_config(linux)
    except LookupError:
        raise UsageError("linux", "has no uidMappings or gidMappings, which its record has", "edit both") from None
    if users["mode"] in _GIVEN and wanted.documents == Maps.of_config(users).documents:
        _give(store, container, users["mode"], wanted.uids[0][2])
    else:
        _keep(container, "container" if users["mode"] == "container" else "mapped", wanted)


def _give(store: Store, container: Container, mode: str, size: int) -> None:
    """A free range of this size, of users and of groups."""
    uids, gids = (userns.subordinate(root.read("/", path), path) for path in (userns.SUBUID, userns.SUBGID))
    with locks.locked(store.containers.path):
        taken = list(_taken(store))
        first_uid = userns.free(uids, [one[1:] for maps in taken for one in maps.uids], size, userns.SUBUID)
        first_gid = userns.free(gids, [one[1:] for maps in taken for one in maps.gids], size, userns.SUBGID)
        maps = Maps([(0, first_uid, size)], [(0, first_gid, size)])
        container.update(users={"mode": mode, **maps.documents})
    mapped.check(container, maps)


def _keep(container: Container, mode: str, maps: Maps) -> None:
    mapped.check(container, maps)
    container.update(users={"mode": mode, **maps.documents})


def _taken(store: Store) -> Iterator[Maps]:
    """What the containers have that there are. Raises Corrupt."""
    for container_id in store.containers.ids():
        try:
            found = Maps.of_record(store.containers.load(container_id).record)
        except NotFound:  # removed meanwhile, and with it its last process
            continue
        if found is not None:
            yield found


def configure(ctx: Context, container: Container, config: Document) -> None:
    """Writes into a config what the container's users are. Raises Conflict for a process that is none of them."""
    maps = _of(container)
    process: Any = config["process"]
    who = process.get("user") or {"uid": 0, "gid": 0}
    for group in (who["gid"], *(who.get("additionalGids") or ())):
        maps.outside(who["uid"], group)
    linux: Any = config["linux"]
    own = _joined(container) or _path(ctx, container)
    others = [one for one in linux["namespaces"] if one["type"] != "user"]
    linux |= {"namespaces": [*others, {"type": "user", "path": own}], **maps.documents}
    if (linux.get("sysctl") or {}).get(_PING) == _EVERY_GROUP:  # the kernel takes only groups that there are
        first = next(one for one in maps.gids if one[0] == 0)
        linux["sysctl"][_PING] = f"0 {first[2] - 1}"


def check(container: Container, config: Document) -> None:
    """Raises UsageError where a config that was changed has other users than the container."""
    linux: Any = config.get("linux") or {}
    documents = _of(container).documents
    kinds = [one["type"] for one in linux.get("namespaces") or ()]
    if "user" not in kinds or any(linux.get(key) != value for key, value in documents.items()):
        raise UsageError("--config", "changes whose users the container has", "say that with --userns and --uidmap")


def bind(container: Container, maps: Maps | None) -> None:
    """Mounts what -v has of the host with the option idmap: for the container's users, or, without maps, as it is.
    Raises NotFound, Unsupported."""
    sources: Any = container.record.get("mappedBinds") or ()
    directory = os.path.join(container.path, placement.BINDS)
    mounts.unmount_under(directory)
    for number, source in enumerate(sources):
        if not os.path.exists(source):
            raise NotFound(source, "the mount's source does not exist", "make it")
        subpath.place(source, os.path.join(directory, str(number)), source, maps.lines if maps else None)


class Entered:
    """The container's user namespace, and its root as it is for its users, for the `with` block in which its process
    begins. `network` is the descriptor of a network namespace of that one, if it was asked for, for whoever closes it.

    Raises Unavailable, Unsupported.
    """

    __slots__ = ("_container", "_ctx", "_fd", "_store", "_wants_network", "network")

    def __init__(self, ctx: Context, store: Store, container: Container, *, network: bool) -> None:
        self._ctx = ctx
        self._store = store
        self._container = container
        self._wants_network = network
        self._fd = -1
        self.network = -1

    def __enter__(self) -> Entered:
        container, maps = self._container, _of(self._container)
        joined = _joined(container)
        self._fd, self.network = mapped.namespaces(maps, joined=joined, network=self._wants_network)
        try:
            self._mount(maps)
            if not joined:
                path = _path(self._ctx, container)
                files.make_directories(os.path.dirname(path), 0o711)
                aside = os.path.join(os.path.dirname(path), files.temporary_name(container.id))
                os.symlink(f"/proc/{os.getpid()}/fd/{self._fd}", aside)
                os.rename(aside, path)
        except BaseException:
            if self.network >= 0:
                os.close(self.network)
            os.close(self._fd)
            raise
        return self

    def _mount(self, maps: Maps) -> None:
        record: Any = self._container.record
        label = str(record.get("mountLabel") or "")
        mapped.mount(self._container, self._fd, maps, root.layers(self._store, record), label)
        if record.get("imageMounts"):
            from . import given_images

            mounts.unmount_under(os.path.join(self._container.path, placement.IMAGES))

            def one(number: int, lowers: list[str]) -> None:
                mapped.mount_image(self._container, self._fd, maps, number, lowers, label)

            given_images.mount(self._store, self._container, label, one)
        if record.get("volumes"):
            from . import volumes

            volumes.map_owners(self._store, self._container, maps)
        if record.get("mappedBinds"):
            bind(self._container, maps)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self._ctx, self._container)
        os.close(self._fd)


def leave(ctx: Context, container: Container) -> None:
    """Takes away what a container without a process has of this at run time."""
    files.remove_file(_path(ctx, container))


def _of(container: Container) -> Maps:
    found = Maps.of_record(container.record)
    assert found is not None
    return found


def _path(ctx: Context, container: Container) -> str:
    """Where the runtime finds the container's user namespace while it starts: a link to a descriptor of ours, as that
    of its network is."""
    return os.path.join(ctx.run_root, "userns", container.id)


def _joined(container: Container) -> str:
    """Where it finds another container's, '' where this one has its own."""
    joins: Any = container.record.get("joins") or {}
    return os.path.join(container.path, "ns", "user") if "user" in joins else ""
