"""What a cgroup has used, and what its limits are: of version 1 and 2, for `stats` and `top`.

Sources: the kernel's admin-guide/cgroup-v2.rst and cgroup-v1/; proc(5). What a host does not count is None.
"""

from __future__ import annotations

import os

from . import cgroups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_UNLIMITED = 1 << 62
"""Version 1 writes no limit as the largest number of pages; whatever is above this is none."""


class Usage:
    """cpu: nanoseconds of all processors; memory, memory_limit: bytes, what can be taken back (inactive file pages)
    left out; pids, pids_limit: processes and threads; read, written: bytes of block devices; received, sent: bytes
    over every interface but lo."""

    __slots__ = ("cpu", "memory", "memory_limit", "pids", "pids_limit", "read", "received", "sent", "written")

    def __init__(self, pid: int) -> None:
        if cgroups.version() == 2:
            self._unified(cgroups.directory(pid, ""))
        else:
            self._legacy(pid)
        self.received, self.sent = _network(pid)

    def _unified(self, place: str) -> None:
        cpu = _table(f"{place}/cpu.stat").get("usage_usec")
        self.cpu = None if cpu is None else cpu * 1000
        memory = _number(f"{place}/memory.current")
        inactive = _table(f"{place}/memory.stat").get("inactive_file", 0)
        self.memory = None if memory is None else max(memory - inactive, 0)
        self.memory_limit = _number(f"{place}/memory.max")
        self.pids = _number(f"{place}/pids.current")
        self.pids_limit = _number(f"{place}/pids.max")
        rows = [row.split()[1:] for row in _lines(f"{place}/io.stat")]
        fields = [dict(field.split("=") for field in row if "=" in field) for row in rows]
        there = os.path.exists(f"{place}/io.stat")
        self.read = sum(int(row.get("rbytes", 0)) for row in fields) if there else None
        self.written = sum(int(row.get("wbytes", 0)) for row in fields) if there else None

    def _legacy(self, pid: int) -> None:
        self.cpu = _number(f"{cgroups.directory(pid, 'cpuacct')}/cpuacct.usage")
        place = cgroups.directory(pid, "memory")
        memory = _number(f"{place}/memory.usage_in_bytes")
        inactive = _table(f"{place}/memory.stat").get("total_inactive_file", 0)
        self.memory = None if memory is None else max(memory - inactive, 0)
        self.memory_limit = _number(f"{place}/memory.limit_in_bytes")
        place = cgroups.directory(pid, "pids")
        self.pids, self.pids_limit = _number(f"{place}/pids.current"), _number(f"{place}/pids.max")
        place = cgroups.directory(pid, "blkio")
        counted = [row.split() for row in _lines(f"{place}/blkio.throttle.io_service_bytes")]
        there = bool(place)
        self.read = sum(int(row[2]) for row in counted if row[1:2] == ["Read"]) if there else None
        self.written = sum(int(row[2]) for row in counted if row[1:2] == ["Write"]) if there else None


def processes(pid: int) -> Iterator[int]:
    """The processes of a process's cgroup and of those below it, in the host's count."""
    place = cgroups.directory(pid, "pids") or cgroups.directory(pid, "devices")
    if not place:
        yield pid
        return
    for directory, _, _ in os.walk(place):
        yield from (int(line) for line in _lines(f"{directory}/cgroup.procs"))


def _network(pid: int) -> tuple[int | None, int | None]:
    received, sent, found = 0, 0, False
    for line in _lines(f"/proc/{pid}/net/dev")[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() != "lo":
            columns = numbers.split()
            received, sent, found = received + int(columns[0]), sent + int(columns[8]), True
    return (received, sent) if found else (None, None)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:  # not counted here, or just gone
        return []


def _number(path: str) -> int | None:
    """A file's one number; None for no limit, or where it is not counted."""
    text = "".join(_lines(path))
    return int(text) if text.isdigit() and int(text) < _UNLIMITED else None


def _table(path: str) -> dict[str, int]:
    rows = (line.split() for line in _lines(path))
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
