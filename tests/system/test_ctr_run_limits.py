"""Limits: the kernel's own numbers for the cgroup, rlimits and namespaces that the process is in."""

from __future__ import annotations

from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image

from ocipipe.host import cgroups

V2 = cgroups.version() == 2


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def limit(box: Box, two: str, one: str, *options: str) -> str:
    """What the process reads in its cgroup: `two` on version 2, `one` on version 1."""
    return box.text(*options, "--", "cat", f"/sys/fs/cgroup/{two if V2 else one}").strip()


def test_memory(box: Box) -> None:
    files = ("memory.max", "memory/memory.limit_in_bytes")
    assert limit(box, *files, "--memory", "32m") == str(32 << 20)


def test_a_process_over_its_memory_is_killed(box: Box) -> None:
    command = ["dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M"]
    assert box("--memory", "16m", "--memory-swap", "16m", "--", *command, status=137).out == b""


def test_memory_and_swap(box: Box) -> None:
    if not cgroups.limits_swap():
        assert "--memory-swap" in box.refused("--memory", "32m", "--memory-swap", "64m")
        return
    files = ("memory.swap.max", "memory/memory.memsw.limit_in_bytes")
    memory = 0 if not V2 else 32 << 20
    assert limit(box, *files, "--memory", "32m", "--memory-swap", "48m") == str((48 << 20) - memory)
    assert limit(box, *files, "--memory", "32m") == str((64 << 20) - memory)
    unlimited = limit(box, *files, "--memory", "32m", "--memory-swap", "-1")
    assert unlimited == "max" if V2 else int(unlimited) > 1 << 60


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--memory-swap", "64m"], "--memory-swap: needs --memory"),
        (["--memory", "1m"], "--memory: is under 6 MiB"),
        (["--memory", "64m", "--memory-swap", "32m"], "--memory-swap: is less"),
        (["--cpus", "0"], "--cpus"),
        (["--cpus", "100000"], "--cpus"),
        (["--memory", "lots"], "--memory"),
        (["--ulimit", "nofile"], "--ulimit nofile"),
        (["--ulimit", "nofile=9:8"], "--ulimit nofile=9:8"),
        (["--ulimit", "nothing=1"], "--ulimit nothing=1"),
        (["--ulimit", "nofile=many"], "--ulimit nofile=many"),
        (["--sysctl", "kernel.panic=1"], "--sysctl kernel.panic"),
        (["--sysctl", "net.ipv4.ip_forward=1", "--network", "host"], "--sysctl net.ipv4.ip_forward"),
        (["--cpuset-cpus", "9999"], ""),
    ],
)
def test_refused(box: Box, options: list[str], named: str) -> None:
    assert named in box.refused(*options)
    assert box.left() == []


def test_cpus(box: Box) -> None:
    if V2:
        assert limit(box, "cpu.max", "", "--cpus", "0.5") == "50000 100000"
    else:
        assert limit(box, "", "cpu/cpu.cfs_quota_us", "--cpus", "0.5") == "50000"
        assert limit(box, "", "cpu/cpu.cfs_period_us", "--cpus", "0.5") == "100000"


def test_cpu_shares_and_set(box: Box) -> None:
    shares = limit(box, "cpu.weight", "cpu/cpu.shares", "--cpu-shares", "512")
    assert shares == "512" if not V2 else 1 <= int(shares) < 100
    assert limit(box, "cpuset.cpus", "cpuset/cpuset.cpus", "--cpuset-cpus", "0") == "0"
    assert box.sh("grep Cpus_allowed_list /proc/self/status", "--cpuset-cpus", "0").split()[1] == "0"


def test_pids(box: Box) -> None:
    files = ("pids.max", "pids/pids.max")
    assert limit(box, *files, "--pids-limit", "7") == "7"
    assert limit(box, *files, "--pids-limit", "-1") == "max"
    script = "for n in 1 2 3 4 5 6 7 8 9; do sleep 5 & done 2>&1; kill %1; echo end"
    assert "fork" in box.sh(script, "--pids-limit", "4", status=None)


def test_ulimit(box: Box) -> None:
    out = box.sh("ulimit -n; ulimit -Hn; ulimit -c", "--ulimit", "nofile=100:200", "--ulimit", "core=0")
    assert out.split() == ["100", "200", "0"]


def test_limits_are_the_caller_s(box: Box) -> None:
    """Nothing raises them (pitfall 42)."""
    done = box.run.shell("ulimit -Sn 321 && ctr-run --rm busybox sh -c 'ulimit -n'")
    assert done.out == b"321\n"


def test_sysctl(box: Box) -> None:
    out = box.sh(
        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni",
        "--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmni=77",
    )  # fmt: skip
    assert out.split() == ["1", "77"]


def test_the_cgroup_is_gone_afterwards(box: Box) -> None:
    box("--memory", "32m", rm=False)
    (record,) = box.records()
    assert [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/*{record['id']}*")] == []
