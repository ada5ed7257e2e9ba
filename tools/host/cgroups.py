"""What of cgroups this host has: version 2, version 1 (also beside an empty version 2, 'hybrid'), or none."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

_PATIENCE_SECONDS = 5
_POLL_SECONDS = 0.005
_BASE = "/sys/fs/cgroup"
_KNOBS = {
    "swappiness": ("memory/memory.swappiness",),
    "oom-kill": ("memory/memory.oom_control",),
    "realtime": ("cpu/cpu.rt_runtime_us",),
    # bfq shows no weight at the root, where its other files are
    "io-weight": ("blkio/blkio.weight", "blkio/blkio.bfq.io_service_bytes"),
    "io-weight-device": ("blkio/blkio.weight_device", "blkio/blkio.bfq.io_service_bytes"),
}
"""Of version 1: files of the root cgroup."""
_seen: list[frozenset[str]] = []


def version() -> int:
    """2, 1, or 0 where no cgroup file system is mounted."""
    if os.path.exists(f"{_BASE}/cgroup.controllers"):
        return 2
    return 1 if controllers() else 0


def controllers() -> frozenset[str]:
    """The controllers that can limit a container here: cpu, memory, pids, cpuset, … A host's do not change while a
    command runs, which asks ten times: 1 ms in version 1."""
    if not _seen:
        _seen.append(_look())
    return _seen[0]


def _look() -> frozenset[str]:
    try:
        with open(f"{_BASE}/cgroup.controllers", encoding="utf-8") as file:
            return frozenset(file.read().split())
    except FileNotFoundError:
        pass
    try:
        names = os.listdir(_BASE)
    except FileNotFoundError:
        return frozenset()
    found = {part for name in names if os.path.exists(f"{_BASE}/{name}/cgroup.procs") for part in name.split(",")}
    return frozenset(found - {"unified", "systemd"})


def limits_swap() -> bool:
    """Whether swap can be limited beside memory."""
    if version() == 2:
        return os.path.exists("/proc/swaps")
    return os.path.exists(f"{_BASE}/memory/memory.memsw.limit_in_bytes")


def knobs() -> frozenset[str]:
    """Which of the rarer controls there are: swappiness, oom-kill (turning it off), realtime, io-weight,
    io-weight-device (where bfq is there: runtimes pass over what only iocost would take)."""
    if version() == 2:
        if "io" not in controllers():
            return frozenset()
        weighs = any(os.path.exists(f"{_BASE}/{name}/io.bfq.weight") for name in os.listdir(_BASE))
        return frozenset({"io-weight", "io-weight-device"} if weighs else {"io-weight"})
    return frozenset(name for name, paths in _KNOBS.items() if any(os.path.exists(f"{_BASE}/{path}") for path in paths))


def realtime(group: str) -> int:
    """Microseconds that a version 1 cgroup has for realtime processes, 0 where it isn't there."""
    try:
        with open(f"{_BASE}/cpu{group}/cpu.rt_runtime_us", encoding="ascii") as file:
            return int(file.read())
    except FileNotFoundError:
        return 0


def has_systemd() -> bool:
    """Whether systemd is the init system: then the cgroup tree is systemd's, and cgroups are made through it."""
    return os.path.isdir("/run/systemd/system")


def directory(pid: int, controller: str) -> str:
    """The directory of a process's cgroup: in version 1, of this controller; '' where there is none."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.rstrip("\n").split(":", 2) for line in file]
    except (FileNotFoundError, ProcessLookupError):
        return ""
    one = version()
    for _, names, path in rows:
        if one == 2 and not names:
            return _BASE + path
        if one == 1 and controller in names.split(","):
            return f"{_BASE}/{names}{path}" if os.path.isdir(f"{_BASE}/{names}") else f"{_BASE}/{controller}{path}"
    return ""


def unified(path: str) -> str:
    """Where a cgroup is in version 2, from the root of all, by its runtime-spec linux.cgroupsPath: a path, or
    SLICE:PREFIX:NAME, which is a scope of systemd's. A slice lies in those that its name begins with
    (systemd.slice(5))."""
    if ":" not in path:
        return path
    place, prefix, name = path.split(":", 2)
    words = place.removesuffix(".slice").split("-")
    slices = ["-".join(words[: number + 1]) for number in range(len(words))] if place != "-.slice" else []
    return "/".join(["", *(f"{one}.slice" for one in slices), f"{prefix}-{name}.scope"])


def is_frozen(pid: int) -> bool:
    """Whether a process's cgroup is frozen, as `pause` leaves it."""
    place = directory(pid, "freezer")
    try:
        if version() == 2:
            with open(f"{place}/cgroup.events", encoding="utf-8") as file:
                return "frozen 1" in file.read()
        with open(f"{place}/freezer.state", encoding="utf-8") as file:
            return file.read().strip() != "THAWED"
    except OSError:
        return False


def remove(group: str) -> None:
    """Removes a cgroup (its path, absolute, as runtime-spec's linux.cgroupsPath has it) from every hierarchy, and kills
    what is left in it. What can't be removed stays."""
    for name in () if version() == 2 else os.listdir(_BASE):
        _remove(f"{_BASE}/{name}{group}")
    if version() == 2:
        _remove(_BASE + group)


def remove_empty(directory: str) -> bool:
    """Removes the directory of one cgroup, unless something is in it; whether it is gone."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def _remove(directory: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            return
        except OSError:  # something is in it
            for pid in _processes(directory):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(_POLL_SECONDS)


def _processes(directory: str) -> list[int]:
    try:
        with open(f"{directory}/cgroup.procs", encoding="ascii") as file:
            return [int(line) for line in file]
    except OSError:
        return []
