"""What a container may take of the host, as runtime-spec's linux.resources (config-linux.md, Control groups). Pure.

A limit that this host does not enforce is refused where it was asked for, and nothing where it was not.
"""

from __future__ import annotations

from ..errors import Unsupported, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from .inputs import Host, Options

_CPU_PERIOD = 100_000
_LEAST_MEMORY = 6 << 20
_LEAST_QUOTA = 1000


def resources(options: Options, host: Host) -> Document:
    """Limits and device rules. Raises UsageError, Unsupported."""
    found: Document = {"devices": [{"allow": options.privileged, "access": "rwm"}, *options.device_rules]}
    parts = {
        "memory": _memory(options, host), "cpu": _cpu(options, host), "blockIO": _block_io(options, host),
    }  # fmt: skip
    found.update({name: part for name, part in parts.items() if part})
    if options.pids_limit is not None:
        _enforced("--pids-limit", "pids", host)
        found["pids"] = {"limit": options.pids_limit if options.pids_limit > 0 else -1}
    return found


def _memory(options: Options, host: Host) -> Document:
    """limit and swap; swap counts memory and swap together, twice the memory when not said (docker's default)."""
    memory, swap, reservation = options.memory, options.memory_swap, options.memory_reservation
    found: Document = {}
    for name, value in (("--memory", memory), ("--memory-swap", swap), ("--memory-reservation", reservation)):
        if value is not None:
            _enforced("--memory" if name == "--memory-swap" else name, "memory", host)
    if memory is not None:
        if memory < _LEAST_MEMORY:
            raise UsageError("--memory", "is under 6 MiB, too little to start a process", "give at least 6m")
        found["limit"] = memory
    if reservation is not None:
        if reservation < _LEAST_MEMORY or (memory is not None and reservation > memory):
            raise UsageError("--memory-reservation", "is under 6 MiB, or more than --memory", "give one between")
        found["reservation"] = reservation
    if swap is not None:
        if memory is None:
            raise UsageError("--memory-swap", "needs --memory", "it is the limit of memory and swap together")
        if not host.limits_swap:
            raise Unsupported("--memory-swap", "this host's kernel does not limit swap", "leave it out")
        if swap != -1 and swap < memory:
            raise UsageError("--memory-swap", "is less than --memory", "it is the limit of memory and swap together")
        found["swap"] = swap
    elif memory is not None and host.limits_swap:
        found["swap"] = 2 * memory
    if options.memory_swappiness is not None:
        if not 0 <= options.memory_swappiness <= 100:
            raise UsageError("--memory-swappiness", f"{options.memory_swappiness} is not from 0 to 100")
        _has("--memory-swappiness", "swappiness", "a swappiness of each cgroup", host)
        found["swappiness"] = options.memory_swappiness
    if options.oom_kill_disable:
        _has("--oom-kill-disable", "oom-kill", "a way to turn the OOM killer off", host)
        if memory is None:
            raise UsageError("--oom-kill-disable", "needs --memory", "or the whole host would stand still")
        found["disableOOMKiller"] = True
    return found


def _cpu(options: Options, host: Host) -> Document:
    """Times are microseconds."""
    found: Document = {}
    for name, key, controller in (
        ("cpus", "", "cpu"), ("cpu_period", "period", "cpu"), ("cpu_quota", "quota", "cpu"),
        ("cpu_shares", "shares", "cpu"), ("cpu_rt_period", "realtimePeriod", "cpu"),
        ("cpu_rt_runtime", "realtimeRuntime", "cpu"), ("cpuset_cpus", "cpus", "cpuset"),
        ("cpuset_mems", "mems", "cpuset"),
    ):  # fmt: skip
        value = getattr(options, name)
        if value is None:
            continue
        option = f"--{name.replace('_', '-')}"
        _enforced(option, controller, host)
        if "_rt_" in name:
            _has(option, "realtime", "realtime scheduling of cgroups", host)
        if key:
            found[key] = value
    if options.cpus is not None:
        for name in ("period", "quota"):
            if name in found:
                raise UsageError(f"--cpu-{name}", "does not go with --cpus, which sets it", "leave one of them out")
        found = {"period": _CPU_PERIOD, "quota": int(options.cpus * _CPU_PERIOD), **found}
    if options.cpu_period is not None and not 1000 <= options.cpu_period <= 1_000_000:
        raise UsageError("--cpu-period", f"{options.cpu_period} is not from 1000 to 1000000", "it is in microseconds")
    if options.cpu_quota is not None and options.cpu_quota != -1 and options.cpu_quota < _LEAST_QUOTA:
        raise UsageError("--cpu-quota", f"{options.cpu_quota} is under a millisecond", "give 1000 or more, or -1")
    runtime, period = options.cpu_rt_runtime, options.cpu_rt_period
    if (period is not None and period <= 0) or (runtime is not None and not 0 <= runtime <= (period or 1_000_000)):
        raise UsageError("--cpu-rt-runtime", "is not from 0 to --cpu-rt-period", "both are in microseconds")
    return found


def _block_io(options: Options, host: Host) -> Document:
    found: Document = {}
    controller = "io" if host.cgroup_version == 2 else "blkio"
    if options.blkio_weight is not None:
        _enforced("--blkio-weight", controller, host)
        _has("--blkio-weight", "io-weight", "an I/O scheduler that weighs cgroups", host)
        if not 10 <= options.blkio_weight <= 1000:
            raise UsageError("--blkio-weight", f"{options.blkio_weight} is no weight", "give one from 10 to 1000")
        found["weight"] = options.blkio_weight
    if options.weights:
        _enforced("--blkio-weight-device", controller, host)
        _has("--blkio-weight-device", "io-weight-device", "bfq, the I/O scheduler that weighs cgroups on a disk", host)
        found["weightDevice"] = options.weights
    for name, throttles in options.throttles.items():
        _enforced(f"--device-{name}", controller, host)
        way, unit = name.split("-")
        found[f"throttle{way.capitalize()}{'IOPS' if unit == 'iops' else 'Bps'}Device"] = throttles
    return found


def _enforced(option: str, controller: str, host: Host) -> None:
    if controller not in host.controllers:
        raise Unsupported(option, f"this host has no {controller} cgroup controller", "leave it out, or enable it")


def _has(option: str, knob: str, what: str, host: Host) -> None:
    if knob not in host.knobs:
        version = f"cgroup version {host.cgroup_version}" if host.cgroup_version else "no cgroups"
        raise Unsupported(option, f"this host has {version} without {what}", "leave it out")
