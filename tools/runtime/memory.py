"""Whether a container, or a process in it, was killed because the container had no memory left.

conmon sees it where it can, and leaves a file `oom`. Of a systemd scope with cgroups of version 2 it often cannot: when
it looks, the scope has gone with its last process; and what it sees may have been another's limit. The kernel's log
tells both.
"""

from __future__ import annotations

import os

from ..errors import Corrupt
from ..host import cgroups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from ..host.kernel_log import MemoryKill
    from ..store.container import Container

_KILLED = 137


def at_end(container: Container, run_root: str, code: int | None) -> Document:
    """What the record is to say of a container that has just ended with this exit status: `oomKilled`, and `oomSeen`
    where the kernel's log told it, so that the next end does not count the same once more."""
    seen_by_monitor = os.path.exists(os.path.join(container.path, "oom"))
    if cgroups.version() != 2 or not (seen_by_monitor or _is_limited(container)):
        return {"oomKilled": seen_by_monitor}
    from ..host import kernel, kernel_log, process

    boot = kernel.boot()
    before, _, number = str(container.record.get("oomSeen") or "").partition(":")
    seen = int(number) if before == boot else -1
    pid = process.read_pid(os.path.join(container.run_directory(run_root), "pid")) if code == _KILLED else 0
    kills = [one for one in kernel_log.memory_kills(kernel_log.records()) if one.number > seen]
    ours = [one.number for one in kills if is_of(one, container.id, pid)]
    told = [one.number for one in kills if _is_its(one.its, container.id) or one.number in ours]
    if not told:
        return {"oomKilled": seen_by_monitor}
    return {"oomKilled": bool(ours), "oomSeen": f"{boot}:{told[-1]}"}


def is_of(kill: MemoryKill, container_id: str, pid: int) -> bool:
    """Whether it was this container's own limit, not that of a group around it or within it. `pid` is its first process
    if that was killed, else 0: it decides where nothing else is known."""
    return _is_its(kill.group, container_id) if kill.group else kill.pid == pid


def _is_its(group: str, container_id: str) -> bool:
    # crun puts the processes into a group `container` of the scope
    return group.removesuffix("/container").rpartition("/")[2] in (container_id, f"ocipipe-{container_id}.scope")


def _is_limited(container: Container) -> bool:
    try:
        config = container.config()
    except Corrupt:  # whoever starts it is told; it ends all the same
        return False
    memory = ((config.get("linux") or {}).get("resources") or {}).get("memory") or {}  # type: ignore[attr-defined]
    return bool(memory.get("limit"))
