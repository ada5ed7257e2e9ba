"""host/kernel_log: whom the kernel has killed for a cgroup's sake, from records as it writes them."""

from __future__ import annotations

import pytest

from ocipipe.host import kernel_log
from ocipipe.runtime import memory

ID = "c0ffee" * 10 + "beef"
SCOPE = f"/system.slice/ocipipe-{ID}.scope"
INVOKED = (
    b"4,900,73419201,-;tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
    b" SUBSYSTEM=cpu\n DEVICE=+cpu:cpu0\n"
)


def chosen(group: str, pid: int = 813, task: str = "tail", number: int = 940, constraint: str = "MEMCG") -> bytes:
    """The record of a choice; oom_memcg is as an older kernel's global_oom where there is no `group`."""
    whose = f"oom_memcg={group}" if group else "global_oom"
    return (
        f"6,{number},73419377,-;oom-kill:constraint=CONSTRAINT_{constraint},nodemask=(null),cpuset=container,"
        f"mems_allowed=0,{whose},task_memcg={SCOPE}/container,task={task},pid={pid},uid=0\n"
    ).encode()


def killed(pid: int = 813, number: int = 941, why: str = "Memory cgroup out of memory") -> bytes:
    return (
        f"3,{number},73419402,-;{why}: Killed process {pid} (tail) total-vm:35280kB, anon-rss:31744kB, "
        f"file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:108kB oom_score_adj:0\n"
    ).encode()


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([], []),
        ([INVOKED, chosen(SCOPE), killed()], [(940, SCOPE, 813)]),
        ([chosen(SCOPE, 5), killed(5), chosen("/a.slice", 6, number=1000), killed(6)],
         [(940, SCOPE, 5), (1000, "/a.slice", 6)]),
        ([chosen(SCOPE, task="a,pid=1,uid=2"), killed()], [(940, SCOPE, 813)]),
        ([killed(7)], [(941, "", 7)]),  # one of many
        ([chosen(SCOPE, 5), killed(5), killed(7)], [(940, SCOPE, 5), (941, "", 7)]),
        ([chosen(SCOPE)[:120] + b"\n", b"6,941,73419390,c;" + SCOPE.encode() + b",task=x,pid=813\n", killed()],
         [(941, "", 813)]),  # torn
        ([chosen("", constraint="NONE"), killed(why="Out of memory")], []),  # the whole machine's
        ([b"30,17,5,-;oom-kill:constraint=\n", b"5,18,5,-;Killed process 5 (tail)\n", b"5,19,5,-\n"], []),
    ],
)  # fmt: skip
def test_who_was_killed(records: list[bytes], found: list[tuple[int, str, int]]) -> None:
    kills = kernel_log.memory_kills(records)
    assert [(one.number, one.group, one.pid) for one in kills] == found
    assert {one.its for one in kills if one.group} <= {f"{SCOPE}/container"}


@pytest.mark.parametrize(
    ("group", "pid", "ours"),
    [
        (SCOPE, 0, True),
        (f"{SCOPE}/container", 0, True),
        (f"/builds.slice/ocipipe-{ID}.scope/container", 0, True),
        (f"/ocipipe/{ID}", 0, True),
        ("/system.slice", 813, False),  # a group around it was full
        (f"{SCOPE}/container/inner", 813, False),
        (f"{SCOPE}/container/{ID[::-1]}", 813, False),
        (SCOPE.replace("c0ffee", "decade"), 813, False),
        ("", 813, True),
        ("", 814, False),
        ("", 0, False),
    ],
)
def test_whose_memory_it_was(group: str, pid: int, ours: bool) -> None:
    assert memory.is_of(kernel_log.MemoryKill(940, group, SCOPE, 813), ID, pid) is ours
