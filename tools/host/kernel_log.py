"""The kernel's log: which processes were killed because a cgroup's memory was full.

Sources: the kernel's Documentation/ABI/testing/dev-kmsg for the records; mm/oom_kill.c and mm/memcontrol.c for what
they say (the same since Linux 5.0).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLACE = "/dev/kmsg"
_DEVICE = os.makedev(1, 11)
_LONGEST = 8192
"""No record is longer, with all that belongs to it."""
_CHOSEN = b"oom-kill:constraint="
_KILLED = b"Memory cgroup out of memory: Killed process "


class MemoryKill:
    """A process that was killed because a cgroup had no memory left. number: of the record, counted from 0 at each
    boot; group: the cgroup whose limit that was, seen from the root of all, '' where the log does not tell; its: that
    of the process; pid: of whom the kernel has chosen first."""

    __slots__ = ("group", "its", "number", "pid")

    def __init__(self, number: int, group: str, its: str, pid: int) -> None:
        self.number = number
        self.group = group
        self.its = its
        self.pid = pid


def records() -> Iterator[bytes]:
    """The log as far as it is kept, oldest first: `PRIORITY,NUMBER,MICROSECONDS,FLAGS;TEXT`. Nothing where nobody may
    read it."""
    try:
        fd = os.open(_PLACE, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # none is there, or it is not for us
        return
    try:
        if os.fstat(fd).st_rdev != _DEVICE:  # in a container, something that we cannot tell from an endless log
            return
        while True:
            try:
                yield os.read(fd, _LONGEST)
            except BrokenPipeError:  # it was overwritten before we came to it: the next read is of the oldest left
                pass
            except (BlockingIOError, PermissionError):
                return
    finally:
        os.close(fd)


def memory_kills(records: Iterable[bytes]) -> list[MemoryKill]:
    """Whom the kernel has killed for a cgroup's sake, oldest first.

    It tells the cgroup in one record and the process in the next. Of many kills within seconds it leaves the first one
    out, and what another processor says at the same moment may tear it: then the cgroup is not known.
    """
    found: list[MemoryKill] = []
    chosen = 0
    for record in records:
        head, _, text = record.partition(b"\n")[0].partition(b";")
        if text.startswith(_CHOSEN):
            before, mark, after = text.partition(b",oom_memcg=")
            group, whole, rest = after.partition(b",task_memcg=")
            its, _, rest = rest.partition(b",task=")
            pid = rest.rpartition(b",pid=")[2].partition(b",")[0]  # the name before it may hold anything
            if before and mark and whole and pid.isdigit():
                chosen = int(pid)
                found.append(MemoryKill(_number(head), os.fsdecode(group), os.fsdecode(its), chosen))
        elif text.startswith(_KILLED):
            pid = text[len(_KILLED) :].partition(b" ")[0]
            if pid.isdigit() and int(pid) != chosen:
                found.append(MemoryKill(_number(head), "", "", int(pid)))
            chosen = 0
    return found


def _number(head: bytes) -> int:
    return int(head.split(b",")[1])
