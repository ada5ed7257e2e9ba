"""host/devices, cgroups, capabilities and kernel: what they say of this host is what the kernel says elsewhere."""

from __future__ import annotations

import ctypes
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ocipipe.host import capabilities, cgroups, devices, kernel
from ocipipe.runtime.spec import ALL_CAPABILITIES


def test_a_device(tmp_path: Path) -> None:
    os.mknod(tmp_path / "zero", 0o20640, os.makedev(1, 5))
    os.chmod(tmp_path / "zero", 0o640)
    os.chown(tmp_path / "zero", 7, 8)
    (tmp_path / "link").symlink_to("zero")
    described = {
        "path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8,
    }  # fmt: skip
    assert devices.describe(str(tmp_path / "zero"), "/dev/mine") == described
    assert devices.describe(str(tmp_path / "link"), "/dev/mine") == described
    os.mknod(tmp_path / "disk", 0o60600, os.makedev(7, 300))
    found = devices.describe(str(tmp_path / "disk"), "/d")
    assert found is not None
    assert (found["type"], found["major"], found["minor"]) == ("b", 7, 300)


def test_what_is_no_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "file"):
        assert devices.describe(str(path), "/d") is None
    with pytest.raises(FileNotFoundError):
        devices.describe(str(tmp_path / "missing"), "/d")


def test_every_device_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "plain").write_text("")
    for name in ("b", "a", "deep/er/c", "pts"):
        os.mknod(tmp_path / name, 0o20600, os.makedev(1, 3))
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "circle").symlink_to(".")
    found = [str(one["path"]).removeprefix(f"{tmp_path}/") for one in devices.everything(str(tmp_path))]
    assert found == ["a", "b", "deep/er/c", "pts"]


def test_the_host_s_devices_without_what_is_each_container_s_own() -> None:
    paths = {str(one["path"]) for one in devices.everything()}
    assert {"/dev/null", "/dev/zero", "/dev/urandom"} <= paths
    assert not [path for path in paths if path.startswith(("/dev/pts", "/dev/shm", "/dev/ptmx", "/dev/console"))]
    for path in paths:
        assert stat.S_ISCHR(os.stat(path).st_mode) or stat.S_ISBLK(os.stat(path).st_mode)


def test_capabilities_are_the_kernel_s() -> None:
    found = capabilities.bounding(ALL_CAPABILITIES)
    for name in sorted(found):  # prctl(2) through setpriv, which knows them by its own table
        bare = name.removeprefix("CAP_").lower()
        done = subprocess.run(
            ["setpriv", "--bounding-set", f"-{bare}", "grep", "CapBnd:", "/proc/self/status"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        bits = int(done.stdout.split()[1], 16)
        assert {one for n, one in enumerate(ALL_CAPABILITIES) if bits >> n & 1} == found - {name}


def test_cgroups_are_the_kernel_s() -> None:
    """By the list of mounts, which the module does not read."""
    kinds: dict[str, list[str]] = {"cgroup": [], "cgroup2": []}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options = line.split()[:4]
        if kind in kinds and place.startswith("/sys/fs/cgroup"):
            kinds[kind].append(place)
            if kind == "cgroup":
                assert set(options.split(",")) & {*cgroups.controllers(), "name=systemd"}, line
    expected = 1 if kinds["cgroup"] else 2 if kinds["cgroup2"] else 0
    assert cgroups.version() == expected
    assert bool(cgroups.controllers()) == bool(expected)
    assert cgroups.has_systemd() == (Path("/proc/1/comm").read_text().strip() == "systemd")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/ocipipe/c1", "/ocipipe/c1"),
        ("system.slice:ocipipe:c1", "/system.slice/ocipipe-c1.scope"),
        ("a-b-c.slice:ocipipe:c1", "/a.slice/a-b.slice/a-b-c.slice/ocipipe-c1.scope"),
        ("-.slice:ocipipe:c1", "/ocipipe-c1.scope"),
    ],
)
def test_where_a_cgroup_is(path: str, place: str) -> None:
    assert cgroups.unified(path) == place


FILTERED = """
import ctypes, sys
libc = ctypes.CDLL(None)
class Rule(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Rule))]
# who calls by x32's numbers is killed
rules = (Rule * 4)(Rule(0x20, 0, 0, 0), Rule(0x35, 0, 1, 0x40000000), Rule(0x06, 0, 0, 0), Rule(0x06, 0, 0, 0x7FFF0000))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(4, rules))) == 0
from ocipipe.host import kernel
print(kernel.has_x32())
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="a way of calling x86_64's kernels")
def test_x32_is_asked_for_unless_the_question_may_kill() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert kernel.has_x32() == (libc.syscall(0x40000000 + 39) == os.getpid())
    done = subprocess.run([sys.executable, "-c", FILTERED], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"True\n"
