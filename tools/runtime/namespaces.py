"""Which namespaces a container has of its own, which are the host's, and which are another container's.

Another container's namespaces are named in config.json by links in the directory `ns` of this one, because process ids
change: each start makes the links anew (`link`), to the process that the other container has by then.
"""

from __future__ import annotations

import os

from ..errors import Conflict, Unavailable, Unsupported, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from oci_spec.jsondoc import Document

    from .inputs import Host, Options

    Find = Callable[[str], Document]

HOST, PRIVATE = "host", "private"
_PROC = {"network": "net"}
"""What /proc calls a kind of namespace, where that is another word."""
_PLAIN = {"pid": (HOST, PRIVATE), "ipc": (HOST, PRIVATE, "shareable", "none"), "uts": (HOST, PRIVATE)}
_JOINED = ("pid", "ipc")
SHM = "shm"
"""In the container's directory: its /dev/shm where others may share it, mounted on the host."""


def take(found: Options, args: Any, find: Find) -> None:
    """Takes --pid, --ipc, --uts, --userns and --cgroupns into `found`; `find` gives the record of a container.

    Raises UsageError, NotFound, Unsupported, Conflict.
    """
    for kind, words in _PLAIN.items():
        text = getattr(args, kind)
        if text is None:
            continue
        word, colon, name = text.partition(":")
        if colon and word == "container" and name and kind in _JOINED:
            found.joins[kind] = _joined(kind, find(name), text)
        elif text == HOST:
            found.hosts.add(kind)
        elif text not in words:
            joined = ", container:NAME" if kind in _JOINED else ""
            raise UsageError(f"--{kind} {text}", "is not among its values", f"choose from {', '.join(words)}{joined}")
        elif kind == "ipc":
            found.shm = text
    if found.network.startswith("container:"):
        found.joins["network"] = str(find(found.network.partition(":")[2])["id"])
    if args.cgroupns == HOST:
        found.hosts.add("cgroup")
    found.cgroup_namespace = args.cgroupns == PRIVATE
    if args.userns not in (None, HOST) or args.uidmap or args.gidmap:
        _users(found, args, find)
    if args.shm_size is not None and ("ipc" in found.hosts or "ipc" in found.joins or found.shm == "none"):
        raise UsageError("--shm-size", f"does not go with --ipc {args.ipc}", "leave one of them out")
    if args.init and ("pid" in found.hosts or "pid" in found.joins):
        raise UsageError("--init", f"does not go with --pid {args.pid}, where another is the first process")


def _users(found: Options, args: Any, find: Find) -> None:
    """Takes --userns, --uidmap and --gidmap."""
    from . import userns

    found.users = userns.asked(args.userns, args.uidmap, args.gidmap)
    if found.users is not None and args.domainname is not None:
        raise Unsupported(
            f"--domainname {args.domainname}", "is only for the host's root to set, and --userns gives another",
            "leave one of them out",
        )  # fmt: skip
    subject = f"--userns {args.userns or PRIVATE}"
    if found.users is not None and found.users.mode == "container":
        other = find(args.userns.partition(":")[2])
        found.users.maps = userns.Maps.of_record(other)
        if found.users.maps is None:
            found.users = None  # that one has the host's
        else:
            found.joins["user"] = str(other["id"])
    if found.users is None:
        return
    for kind in ("pid", "ipc", "network"):
        whose = "the host" if kind in found.hosts or (kind == "network" and found.network == HOST) else ""
        if found.joins.get(kind, found.joins.get("user")) != found.joins.get("user"):
            whose = "a container with other users"
        if whose:
            raise Unsupported(
                f"--{kind} {getattr(args, kind) if kind != 'network' else found.network}",
                f"is of {whose}, and the users of {subject} would have no rights in it",
                "leave one of them out",
            )


def _joined(kind: str, record: Document, text: str) -> str:
    """The id of the container whose namespace is to be joined."""
    if kind == "ipc" and record.get("shm") != "shareable":
        raise Conflict(f"--ipc {text}", "that container's IPC is its own", "make it with --ipc shareable")
    return str(record["id"])


def namespaces(options: Options, host: Host, directory: str) -> list[Document]:
    """As linux.namespaces has them. `directory` is the container's, where `link` makes the links."""
    wanted = ["pid", "ipc", "uts", "mount"]
    if options.network != HOST:
        wanted.append("network")
    if options.cgroup_namespace or host.cgroup_version == 2:
        wanted.append("cgroup")
    paths = {kind: f"{directory}/ns/{kind}" for kind in options.joins if kind != "user"}
    if options.network.startswith("/"):
        paths["network"] = options.network
    return [
        {"type": kind, **({"path": paths[kind]} if kind in paths else {})}
        for kind in wanted
        if kind not in options.hosts
    ]


def link(directory: str, joins: Mapping[str, str], process: Callable[[str], int]) -> None:
    """Links the namespaces of other containers into `directory`, for a start; `joins` is kind to id.

    `process(id)` is the first process of that container, 0 while it doesn't run. Raises what it raises, and Conflict.
    """
    place = os.path.join(directory, "ns")
    for kind, container_id in joins.items():
        pid = process(container_id)
        if not pid:
            raise Conflict(container_id[:12], f"its {kind} namespace is to be joined, and it doesn't run", "start it")
        os.makedirs(place, 0o700, exist_ok=True)
        aside = os.path.join(place, f".{kind}")
        if os.path.lexists(aside):
            os.unlink(aside)
        os.symlink(f"/proc/{pid}/ns/{_PROC.get(kind, kind)}", aside)
        os.replace(aside, os.path.join(place, kind))


def mount_shm(directory: str, shm: str, size: int, label: str = "", users: Document | None = None) -> None:
    """Mounts the /dev/shm of a container whose IPC others may share, for a start; it belongs to the root of its `users`
    (container-record). Raises Unavailable."""
    from ..host import mounts

    if shm != "shareable":
        return
    place = os.path.join(directory, SHM)
    os.makedirs(place, 0o700, exist_ok=True)
    if mounts.is_mounted(place):
        return
    context = f',context="{label}"' if label else ""
    if users is not None:
        from .userns import Maps

        context += ",uid={},gid={}".format(*Maps.of_config(users).root)
    flags = mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC
    try:
        mounts.mount("shm", place, "tmpfs", f"mode=1777,size={size}{context}", flags)
    except OSError as error:
        raise Unavailable(place, f"cannot be mounted: {os.strerror(error.errno or 0).lower()}", "see dmesg") from None
