"""The options that limit a container, checked against what this host has of processors, memory nodes and disks."""

from __future__ import annotations

import os

from ..errors import NotFound, Unsupported, UsageError
from ..host import cgroups, files
from . import options as values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.jsondoc import Document

    from .inputs import Host, Options

_LEAST_CPUS = 0.01
"""A millisecond of our period of 100, the least quota that the kernel takes."""
_PLAIN = (
    "memory", "memory_swap", "memory_reservation", "memory_swappiness", "oom_kill_disable", "cpus", "cpu_period",
    "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpuset_cpus", "cpuset_mems", "blkio_weight",
    "pids_limit",
)  # fmt: skip
_PLACES = {
    "memory": ("memory", "limit"), "memory_swap": ("memory", "swap"), "memory_reservation": ("memory", "reservation"),
    "cpu_period": ("cpu", "period"), "cpu_quota": ("cpu", "quota"), "cpu_rt_period": ("cpu", "realtimePeriod"),
    "cpu_rt_runtime": ("cpu", "realtimeRuntime"), "cpu_shares": ("cpu", "shares"), "cpuset_cpus": ("cpu", "cpus"),
    "cpuset_mems": ("cpu", "mems"), "blkio_weight": ("blockIO", "weight"), "pids_limit": ("pids", "limit"),
}  # fmt: skip
"""Where in `linux.resources` a limit is that a container can be given while it runs."""
CHANGEABLE = ("cpus", *_PLACES)
_GONE = {
    "kernel_memory": ("Linux has no such limit any more", "--memory counts the kernel's memory too"),
    "isolation": ("is a choice of Windows containers", "leave it out"),
    "storage_opt": ("the store has no quotas", "leave it out"),
}
_ANYHOW = "default"
"""The isolation that docker has on Linux: what every container has here."""
_THROTTLES = {
    "device_read_bps": "read-bps", "device_write_bps": "write-bps", "device_read_iops": "read-iops",
    "device_write_iops": "write-iops",
}  # fmt: skip


def take(found: Options, args: Any, host: Host) -> None:
    """Takes the limits among `args` into `found`. Raises UsageError, Unsupported, NotFound."""
    for name, (problem, remedy) in _GONE.items():
        if getattr(args, name) and getattr(args, name) != _ANYHOW:
            raise Unsupported(f"--{name.replace('_', '-')}", problem, remedy)
    for name in _PLAIN:
        setattr(found, name, getattr(args, name))
    _check_processors(found)
    found.ulimits = [_within_ours(values.ulimit(one), one, host) for one in args.ulimit]
    asked = [(name, getattr(args, dest)) for dest, name in _THROTTLES.items() if getattr(args, dest)]
    if asked or args.blkio_weight_device:
        from . import disks

        found.throttles = {name: [disks.throttled(text, name) for text in texts] for name, texts in asked}
        found.weights = [disks.weighed(text) for text in args.blkio_weight_device]
    found.device_rules = [values.device_rule(text) for text in args.device_cgroup_rule]
    found.cgroup_parent = _parent(args.cgroup_parent, host) if args.cgroup_parent is not None else ""
    if found.cpu_rt_runtime:
        _check_realtime(found.cpu_rt_runtime, found.cgroup_parent)
    if args.oom_score_adj is not None:
        found.oom_score_adj = _oom_score(args.oom_score_adj, host)


def changed(before: Document, args: Any, host: Host, group: str) -> Document:
    """A container's `linux.resources` with the limits among `args` (CHANGEABLE) in the place of its own; `group` is its
    cgroup. Its limit of swap grows with its memory, unless it was chosen. Raises UsageError, Unsupported."""
    from . import inputs
    from .resources import resources

    found = inputs.Options()
    old: Any = {part: before.get(part) or {} for part in ("memory", "cpu", "blockIO", "pids")}
    for name, (part, key) in _PLACES.items():
        own = getattr(args, name)
        setattr(found, name, old[part].get(key) if own is None else own)
    memory = old["memory"]
    if args.memory is not None and args.memory_swap is None and memory.get("swap") == 2 * memory.get("limit", 0):
        found.memory_swap = None
    found.cpus = args.cpus
    if args.cpus is not None:
        found.cpu_period, found.cpu_quota = args.cpu_period, args.cpu_quota
    _check_processors(found)
    if args.cpu_rt_runtime:
        _check_realtime(args.cpu_rt_runtime, os.path.dirname(group))
    after: Any = resources(found, host)
    return {**before, **{part: {**old[part], **after[part]} for part in old if part in after}}


def _check_processors(found: Options) -> None:
    if found.cpus is not None and not _LEAST_CPUS <= found.cpus <= (os.cpu_count() or 1):
        raise UsageError("--cpus", f"{found.cpus} is not from {_LEAST_CPUS} to {os.cpu_count()}, what this host has")
    if found.cpu_shares is not None and not 2 <= found.cpu_shares <= 1 << 18:
        raise UsageError("--cpu-shares", f"{found.cpu_shares} is no weight", "give one from 2 to 262144")
    _check_set(found.cpuset_cpus, "--cpuset-cpus", "/sys/devices/system/cpu/online")
    _check_set(found.cpuset_mems, "--cpuset-mems", "/sys/devices/system/node/online")


def _check_set(wanted: str | None, option: str, online: str) -> None:
    if wanted is None:
        return
    numbers = values.cpu_list(wanted, option)
    try:
        here = files.read_limited(online, 1 << 16, online).decode().strip()
    except NotFound:
        raise Unsupported(option, f"this kernel tells of no {online}", "leave it out") from None
    if numbers - values.cpu_list(here, online):
        raise UsageError(option, f"{wanted}: this host has {here} only", "choose from these")


def _within_ours(limit: Document, text: str, host: Host) -> Document:
    """`limit`, which must not raise a hard limit of ours where only CAP_SYS_RESOURCE could. Raises Unsupported."""
    import resource

    number = getattr(resource, str(limit["type"]), None)
    if number is None or "CAP_SYS_RESOURCE" in host.bounding:
        return limit
    ours = resource.getrlimit(number)[1]
    if ours != resource.RLIM_INFINITY and int(limit["hard"]) > ours:  # type: ignore[call-overload]
        raise Unsupported(
            f"--ulimit {text}", f"the hard limit here is {ours}, and we lack CAP_SYS_RESOURCE to raise it",
            "give no more than that",
        )  # fmt: skip
    return limit


def _oom_score(number: int, host: Host) -> int:
    """--oom-score-adj: the kernel lets nobody without CAP_SYS_RESOURCE be killed later than it was to be (proc(5))."""
    if not -1000 <= number <= 1000:
        raise UsageError("--oom-score-adj", f"{number} is not from -1000 to 1000")
    with open("/proc/self/oom_score_adj", encoding="ascii") as file:
        ours = int(file.read())
    if number < ours and "CAP_SYS_RESOURCE" not in host.bounding:
        raise Unsupported(
            "--oom-score-adj", f"ours is {ours}, and we lack CAP_SYS_RESOURCE to go below it", f"give at least {ours}"
        )
    return number


def _parent(text: str, host: Host) -> str:
    """--cgroup-parent: a slice of systemd's, else a path below the root of the cgroups."""
    subject = f"--cgroup-parent {text}"
    if not host.cgroup_version:
        raise Unsupported(subject, "this host has no cgroups", "leave it out")
    if host.systemd:
        if not text.endswith(".slice") or "/" in text or text == ".slice":
            raise UsageError(subject, "is no slice, and the cgroups here are systemd's", "like machine.slice")
        return text
    parts = [part for part in text.split("/") if part]
    if not parts or {".", ".."} & set(parts) or "\n" in text or len(text) > 1024:
        raise UsageError(subject, "is no path of a cgroup", "like /builds")
    return "/" + "/".join(parts)


def _check_realtime(wanted: int, parent: str) -> None:
    """The kernel gives a cgroup no more realtime than the one that it is in has."""
    have = cgroups.realtime(parent or "/ocipipe")
    if have < wanted:
        raise Unsupported(
            "--cpu-rt-runtime", f"the cgroup {parent or '/ocipipe'} has {have} of the {wanted} microseconds itself",
            "write more to its cpu.rt_runtime_us, or choose a --cgroup-parent that has them",
        )  # fmt: skip
