"""The rarer limits: the kernel's own numbers, on whichever cgroups this host has, or the refusal that says why not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image

from ocipipe.host import capabilities, cgroups
from ocipipe.runtime import spec

V2 = cgroups.version() == 2
KNOBS = cgroups.knobs()
LIMITS = cgroups.controllers()


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def limit(box: Box, two: str, one: str, *options: str) -> str:
    """What the process reads in its cgroup: `two` on version 2, `one` on version 1."""
    return box.text(*options, "--", "cat", f"/sys/fs/cgroup/{two if V2 else one}").strip()


def disk() -> str:
    """A whole disk of this host."""
    for name in sorted(os.listdir("/sys/block")):
        if Path(f"/dev/{name}").is_block_device():
            return f"/dev/{name}"
    pytest.skip("this host has no disk in /dev")


def test_memory_reservation(box: Box) -> None:
    files = ("memory.low", "memory/memory.soft_limit_in_bytes")
    assert limit(box, *files, "--memory-reservation", "32m") == str(32 << 20)


def test_swappiness(box: Box) -> None:
    if "swappiness" not in KNOBS:
        assert "without a swappiness" in box.refused("--memory-swappiness", "7")
        return
    assert limit(box, "", "memory/memory.swappiness", "--memory-swappiness", "7") == "7"


def test_no_oom_killer(box: Box) -> None:
    if "oom-kill" not in KNOBS:
        assert "without a way" in box.refused("--oom-kill-disable", "--memory", "32m")
        return
    out = limit(box, "", "memory/memory.oom_control", "--oom-kill-disable", "--memory", "32m")
    assert out.splitlines()[0] == "oom_kill_disable 1"


def test_cpu_period_and_quota(box: Box) -> None:
    options = ("--cpu-period", "50000", "--cpu-quota", "10000")
    if V2:
        assert limit(box, "cpu.max", "", *options) == "10000 50000"
    else:
        assert limit(box, "", "cpu/cpu.cfs_period_us", *options) == "50000"
        assert limit(box, "", "cpu/cpu.cfs_quota_us", *options) == "10000"


def test_realtime(box: Box) -> None:
    """A cgroup has none unless the one above it has."""
    if "realtime" not in KNOBS:
        assert "without realtime" in box.refused("--cpu-rt-runtime", "1000")
        return
    own = Path(f"/sys/fs/cgroup/cpu/ocipipe-test-{os.getpid()}")
    own.mkdir()
    try:
        parent = ("--cgroup-parent", f"/{own.name}", "--cpu-rt-runtime", "1000")
        assert "has 0 of the 1000 microseconds itself" in box.refused(*parent)
        (own / "cpu.rt_runtime_us").write_text("5000")
        assert limit(box, "", "cpu/cpu.rt_runtime_us", *parent) == "1000"
    finally:
        remove_groups(own.name)


def remove_groups(name: str) -> None:
    for path in [*Path("/sys/fs/cgroup").glob(f"*/{name}"), Path("/sys/fs/cgroup", name)]:
        if path.is_dir():
            path.rmdir()


def test_memory_nodes(box: Box) -> None:
    assert limit(box, "cpuset.mems", "cpuset/cpuset.mems", "--cpuset-mems", "0") == "0"
    assert "this host has 0" in box.refused("--cpuset-mems", "999")
    assert "no list of processors" in box.refused("--cpuset-mems", "x")


def test_weight_of_input_and_output(box: Box) -> None:
    if "io-weight" not in KNOBS:
        assert box.refused("--blkio-weight", "300").startswith("--blkio-weight: this host has ")
        return
    assert "300" in limit(box, "io.bfq.weight", "blkio/blkio.bfq.weight", "--blkio-weight", "300")


def test_weight_on_one_disk(box: Box, tmp_path: Path) -> None:
    with open(tmp_path / "disk", "wb") as file:
        file.truncate(1 << 20)
    path = subprocess.check_output(["losetup", "-f", "--show", str(tmp_path / "disk")], text=True).strip()
    scheduler = Path("/sys/block", Path(path).name, "queue/scheduler")
    try:
        scheduler.write_text("none")
        assert "is not the scheduler" in box.refused("--blkio-weight-device", f"{path}:300")
        if "bfq" not in scheduler.read_text():
            return
        scheduler.write_text("bfq")
        if "io-weight-device" not in KNOBS:
            assert "this host has " in box.refused("--blkio-weight-device", f"{path}:300")
            return
        found = limit(box, "io.bfq.weight", "blkio/blkio.bfq.weight_device", "--blkio-weight-device", f"{path}:300")
        node = os.stat(path).st_rdev
        assert f"{os.major(node)}:{os.minor(node)} 300" in found.splitlines()
    finally:
        scheduler.write_text("none")
        subprocess.run(["losetup", "-d", path], check=True)


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("read-bps", "read_bps_device", "rbps"), ("write-bps", "write_bps_device", "wbps"),
        ("read-iops", "read_iops_device", "riops"), ("write-iops", "write_iops_device", "wiops"),
    ],
)  # fmt: skip
def test_throttled_disks(box: Box, name: str, one: str, two: str) -> None:
    path = disk()
    if not {"blkio", "io"} & LIMITS:
        assert "cgroup controller" in box.refused(f"--device-{name}", f"{path}:5000")
        return
    node = os.stat(path).st_rdev
    numbers = f"{os.major(node)}:{os.minor(node)}"
    found = limit(box, "io.max", f"blkio/blkio.throttle.{one}", f"--device-{name}", f"{path}:5000")
    assert found.split()[0] == numbers
    assert f"{two}=5000" in found if V2 else found == f"{numbers} 5000"


def test_a_cgroup_elsewhere(box: Box) -> None:
    name = f"ocipipe-test-{os.getpid()}"
    if cgroups.has_systemd() and V2:
        assert "is no slice" in box.refused("--cgroup-parent", f"/{name}")
        return
    try:
        script = "cat /proc/self/cgroup"
        groups = box.sh(script, "--cgroup-parent", f"/{name}", "--cgroupns", "host").splitlines()
        assert any(f":/{name}/" in line for line in groups)
    finally:
        remove_groups(name)


def test_whom_the_kernel_kills_first(box: Box) -> None:
    ours = int(Path("/proc/self/oom_score_adj").read_text())
    assert box.text("--oom-score-adj", "777", "--", "cat", "/proc/self/oom_score_adj") == "777\n"
    assert box.text("--", "cat", "/proc/self/oom_score_adj") == f"{ours}\n"
    if "CAP_SYS_RESOURCE" in capabilities.bounding(spec.ALL_CAPABILITIES):
        assert box.text("--oom-score-adj", "-5", "--", "cat", "/proc/self/oom_score_adj") == "-5\n"
    else:
        assert "we lack CAP_SYS_RESOURCE" in box.refused("--oom-score-adj", str(ours - 1))


def test_a_rule_for_devices(box: Box) -> None:
    """A node alone is not enough."""
    node = os.stat(disk()).st_rdev
    numbers = f"{os.major(node)} {os.minor(node)}"
    script = f"mknod /m b {numbers} && dd if=/m of=/dev/null count=0 2>&1 && echo open"
    assert "Operation not permitted" in box.sh(script, status=1)
    assert "open" in box.sh(script, "--device-cgroup-rule", f"b {numbers.replace(' ', ':')} r")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--kernel-memory", "64m"], "--kernel-memory: Linux has no such limit any more"),
        (["--storage-opt", "size=1g"], "--storage-opt: the store has no quotas"),
        (["--isolation", "hyperv"], "--isolation: is a choice of Windows containers"),
        (["--oom-kill-disable"], "--oom-kill-disable"),
        (["--oom-score-adj", "1001"], "--oom-score-adj: 1001 is not"),
        (["--cpus", "1", "--cpu-quota", "5000"], "--cpu-quota: does not go with --cpus"),
        (["--device-read-bps", "/dev/null:1m"], "/dev/null is no block device"),
        (["--device-read-bps", "/dev/none:1m"], "/dev/none: no such device"),
        (["--device-read-bps", "/dev/null"], "is not DEVICE:RATE"),
        (["--device-cgroup-rule", "c 1"], "--device-cgroup-rule c 1"),
        (["--cgroup-parent", "/a/../b"], "--cgroup-parent /a/../b"),
        (["--cgroup-parent", ""], "--cgroup-parent"),
    ],
)
def test_refused(box: Box, options: list[str], named: str) -> None:
    assert named in box.refused(*options)
    assert box.left() == []
