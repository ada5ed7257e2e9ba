"""Whose namespaces a container has, and what it knows of names: asked of the kernel from inside."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from observing import until

KINDS = ("pid", "ipc", "uts", "cgroup", "user", "net", "mnt")


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def spaces(box: Box, *options: str) -> dict[str, str]:
    """The process's namespaces by their inodes."""
    out = box.sh(f"for kind in {' '.join(KINDS)}; do readlink /proc/self/ns/$kind; done", *options)
    return dict(zip(KINDS, out.split(), strict=True))


def ours(kind: str) -> str:
    return os.readlink(f"/proc/self/ns/{kind}")


@pytest.mark.parametrize("kind", ["pid", "ipc", "uts", "cgroup"])
def test_the_host_s(box: Box, kind: str) -> None:
    option = "--cgroupns" if kind == "cgroup" else f"--{kind}"
    assert spaces(box, option, "host")[kind] == ours(kind)
    assert spaces(box, option, "private")[kind] != ours(kind)


def test_the_defaults(box: Box) -> None:
    found = spaces(box)
    assert {kind for kind in KINDS if found[kind] != ours(kind)} >= {"pid", "ipc", "uts", "mnt", "net"}
    assert found["user"] == ours("user")


def test_the_host_s_processes_and_name(box: Box) -> None:
    assert f"\n{os.getpid()}\n" in box.sh("ls /proc", "--pid", "host")
    assert box.sh("hostname; cat /etc/hostname", "--uts", "host").split() == [os.uname().nodename] * 2
    assert "--hostname: does not go with --uts host" in box.refused("--uts", "host", "--hostname", "x")
    assert "--domainname: does not go with --uts host" in box.refused("--uts", "host", "--domainname", "x")


def test_the_host_s_shared_memory(box: Box, tmp_path: Path) -> None:
    place = Path("/dev/shm", tmp_path.parent.parent.name + tmp_path.name)
    place.write_text("shared")
    try:
        assert box.text("--ipc", "host", "--", "cat", str(place)) == "shared"
        assert "No such file" in box.sh(f"cat {place} 2>&1", status=1)
    finally:
        place.unlink()


def test_no_shared_memory(box: Box) -> None:
    assert " /dev/shm " not in box.sh("cat /proc/mounts", "--ipc", "none")
    assert " /dev/shm " in box.sh("cat /proc/mounts")


def test_the_end_of_all_that_shares_the_host_s_processes(box: Box) -> None:
    """No process is left when the first one has ended, though nothing but its cgroup holds them together."""
    mark = f"98{os.getpid()}"
    box.sh(f"sleep {mark} & sleep 0.1", "--pid", "host")
    until(lambda: subprocess.run(["pgrep", "-f", f"^sleep {mark}"], capture_output=True, check=False).stdout == b"")
    assert box.left() == []


@contextmanager
def running(box: Box, name: str, *options: str) -> Iterator[None]:
    """A container that runs as long as the block; its first process waits for the end of its stdin."""
    argv = ["ctr-run", "--rm", "-i", "--name", name, *options, "busybox", "sh", "-c", "echo up; read line"]
    with subprocess.Popen(
        [str(box.run.bin / argv[0]), *argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=box.run.env
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        try:
            assert other.stdout.readline() == b"up\n"
            yield
        finally:
            other.stdin.close()
            other.wait(30)


def test_another_container_s_processes(box: Box) -> None:
    with running(box, "first"):
        pid, first = box.sh("echo $$; tr '\\0' ' ' </proc/1/cmdline", "--pid", "container:first").splitlines()
        assert int(pid) > 1
        assert first.startswith("sh -c echo up; ")
        assert spaces(box, "--pid", "container:first")["pid"] != ours("pid")
        assert "is its own" in box.refused("--ipc", "container:first")
    assert "no such container" in box.refused("--pid", "container:first")


def test_another_container_s_shared_memory(box: Box) -> None:
    with running(box, "first", "--ipc", "shareable", "--shm-size", "1m"):
        ipc = ("--ipc", "container:first")
        box.sh("echo one >/dev/shm/x; ipcmk -S 1 2>/dev/null; true", *ipc)
        assert box.text(*ipc, "--", "cat", "/dev/shm/x") == "one\n"
        assert spaces(box, *ipc)["ipc"] == spaces(box, *ipc)["ipc"] != ours("ipc")
        size = box.sh("df -k /dev/shm | tail -n 1", *ipc).split()[1]
        assert size == "1024"
    assert box.left() == []


def test_a_container_that_does_not_run(box: Box) -> None:
    box("--name", "ended", rm=False)
    assert "it doesn't run" in box.refused("--pid", "container:ended")
    assert len(box.records()) == 1


# --- names


def test_name_servers(box: Box) -> None:
    out = box.sh(
        "cat /etc/resolv.conf", "--dns", "9.9.9.9", "--dns", "fd00::1", "--dns-search", "a.org", "--dns-search",
        "b.org", "--dns-option", "ndots:2",
    )  # fmt: skip
    assert out == "nameserver 9.9.9.9\nnameserver fd00::1\nsearch a.org b.org\noptions ndots:2\n"
    mine = box.sh("cat /etc/resolv.conf", "--network", "host", "--dns", "9.9.9.9").splitlines()
    assert [line for line in mine if line.startswith("nameserver")] == ["nameserver 9.9.9.9"]


def test_added_hosts(box: Box) -> None:
    out = box.sh("cat /etc/hosts; ping -c 1 db || true", "--add-host", "db:127.0.0.5")
    assert "\n127.0.0.5\tdb\n" in out
    assert "PING db (127.0.0.5)" in out
    assert "127.0.0.1\tme\n" in box.sh("cat /etc/hosts", "--network", "host", "--add-host", "me:host-gateway")
    assert "--network none" in box.refused("--add-host", "me:host-gateway")


def test_a_domain_name(box: Box) -> None:
    script = "cat /proc/sys/kernel/domainname; grep box /etc/hosts"
    out = box.sh(script, "--hostname", "box", "--domainname", "lab.org")
    assert out.split() == ["lab.org", "127.0.0.1", "box.lab.org", "box"]


def test_groups_beside(box: Box) -> None:
    out = box.sh("id -G", "--group-add", "77", "--user", "1000:1000")
    assert sorted(out.split()) == ["1000", "77"]
    assert "no such group" in box.refused("--group-add", "nobody-knows")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--pid", "bogus"], "--pid bogus"), (["--uts", "container:x"], "--uts container:x"),
        (["--pid", "container:none"], "none: no such container"),
        (["--userns", "private", "--pid", "host"], "--pid host: "), (["--cgroupns", "both"], "--cgroupns"),
        (["--ipc", "host", "--sysctl", "kernel.shmmax=1"], "would change the host"),
        (["--dns", "x"], "--dns x"), (["--add-host", "x"], "--add-host x"), (["--domainname", "a b"], "--domainname"),
        (["--pid", "host", "--init"], "--init: does not go with --pid host"),
    ],
)  # fmt: skip
def test_refused(box: Box, options: list[str], named: str) -> None:
    assert named in box.refused(*options)
    assert box.left() == []
