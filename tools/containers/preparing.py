"""What a container stands on at every start: its root, the namespaces it shares, its /dev/shm, its files in /etc."""

from __future__ import annotations

import os

from ..errors import Corrupt, NotFound
from ..host import files, mounts, seals, security
from ..runtime import apparmor, executable, names, namespaces, placement, root, state, users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_NAMES_LIMIT = 16 << 20


def prepare(ctx: Context, store: Store, container: Container, *, created: bool = False) -> None:
    """Mounts a container's root, if it is not, and what else it needs to be configured or started; its lock is ours.

    `created` tells that it is just made. Raises Unavailable, Conflict when a container whose namespaces it shares does
    not run, and what taking its volumes raises.
    """
    record: Any = container.record
    label = str(record.get("mountLabel") or "")
    if record.get("loadsAppArmor"):
        apparmor.load(ctx.env)
    if record.get("users"):
        from ..runtime import mapped

        if mapped.is_mapped(container):  # left by one that was killed: until its process begins, all is for our hands
            root.unmount(container)
    if record.get("rootfs"):
        from . import directory

        directory.check(record["rootfs"]["path"])
    if root.of_record(container) == container.rootfs and not mounts.is_mounted(container.rootfs):
        root.mount(container, root.layers(store, record), label)
    if record.get("imageMounts"):
        from . import given_images

        given_images.mount(store, container, label)
    namespaces.link(container.path, record.get("joins") or {}, lambda one: _process(ctx, store, one))
    owner = record["users"] if record.get("users") else None
    namespaces.mount_shm(container.path, record.get("shm") or "", record.get("shmSize") or 0, label, owner)
    if record.get("volumes"):
        from . import volumes

        volumes.take(ctx, store, container, created=created)
    if record.get("mappedBinds"):
        from . import users

        users.bind(container, None)


def write_names(container: Container, hostname: str, wanted: Document, *, host_network: bool) -> None:
    """hosts, hostname and resolv.conf, mounted over the image's: with the host's network, its resolver and hosts."""
    texts = names.texts(
        hostname,
        wanted,
        hosts=root.read("/", "/etc/hosts") if host_network else "",
        resolver=root.read("/", "/etc/resolv.conf") if host_network else "",
    )
    write(container, texts)


def renew_names(container: Container, config: Document) -> None:
    """Writes them anew for a start where a disk has lost or changed one; what the container wrote into them stays."""
    if all(_is_sound(os.path.join(container.path, name)) for name in placement.FILES):
        return
    linux: Any = config["linux"]
    own_network = any(space["type"] == "network" for space in linux["namespaces"])
    hostname = str(config.get("hostname") or os.uname().nodename)
    asked: Any = container.record.get("names") or {}
    write_names(container, hostname, asked, host_network=not own_network)


def _is_sound(path: str) -> bool:
    try:
        files.read_limited(path, _NAMES_LIMIT, sealed=True)
    except (NotFound, Corrupt):
        return False
    return True


def write(container: Container, texts: Mapping[str, str]) -> None:
    """These files of a container, in place, as they may be mounted in it; durable, unless it is removed at its end
    or just being made."""
    for name, text in texts.items():
        fd = os.open(os.path.join(container.path, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.fchmod(fd, 0o644)  # whatever our umask is: every user in the container reads it
            if container.record.get("users"):
                from ..runtime.userns import Maps

                maps = Maps.of_record(container.record)
                os.fchown(fd, *(maps.root if maps else (0, 0)))
            files.write_all(fd, text.encode())
            seals.put(fd, text.encode())
            container.wrote(name)
            if container.unsure is None and not container.record["removedAtEnd"]:
                os.fsync(fd)
        finally:
            os.close(fd)
        if container.record.get("mountLabel"):
            security.label(os.path.join(container.path, name), str(container.record["mountLabel"]))


def check(container: Container, config: Document) -> None:
    """Raises CommandNotFound (127) or CannotExecute (126) when the container's command can't be started in its root,
    which is mounted."""
    process: dict[str, Any] = config["process"]  # type: ignore[assignment]
    args = process["args"][2:] if process["args"][:2] == [placement.INIT, "--"] else process["args"]
    who = process.get("user") or {"uid": 0, "gid": 0}  # --config may take away what the specification lets be absent
    user = users.User(who["uid"], who["gid"], who.get("additionalGids") or [], "/")
    mounted: Any = config.get("mounts") or []
    executable.check(root.place(container, config), mounted, args, process.get("env") or [], process["cwd"], user)


def _process(ctx: Context, store: Store, container_id: str) -> int:
    """The first process of a running container, 0 for one that doesn't run."""
    try:
        return state.observe(store.containers.load(container_id), ctx.run_root, ctx.env).pid
    except NotFound:
        return 0
