"""Users of a container's own: asked of the kernel from inside and outside, through a container's whole life."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nethosts
import pytest
from boxes import NAME, Box
from commands import Commands
from images import Image
from killing import Kills
from lives import Lives
from observing import reboot
from openly import Inside, opened
from rootfs import CAPABILITY

from ocipipe.host import mounts

FIRST = 700000
"""The first id of the range that the tests' /etc/subuid and /etc/subgid give containers."""
RANGE = f"containers:{FIRST}:200000\n"
SHARED = ("user", "net", "pid", "ipc")
MINE = ("--uidmap", "0:500000:65536")


@pytest.fixture
def lives(run: Commands, busybox_image: Image) -> Iterator[Lives]:
    """Containers in a store that other users may come to, on a machine that has RANGE for them."""
    with opened({"/etc/subuid": RANGE, "/etc/subgid": RANGE}) as (place, enter):
        root = place / "store"
        busybox_image.into_store(root, NAME)
        inside = Inside(run.bin, {**run.env, "OCIPIPE_ROOT": str(root), "OCIPIPE_RUN_ROOT": str(place / "run")}, enter)
        found = Lives(inside, root)
        yield found
        found.end()
        assert found.left() == []


def users(document: dict[str, Any]) -> list[list[int]]:
    """The map of a container's process, as the kernel has it: of users, which must be the one of groups."""
    texts = [Path(f"/proc/{document['pid']}/{kind}_map").read_text() for kind in ("uid", "gid")]
    assert texts[0] == texts[1]
    return [[int(word) for word in line.split()] for line in texts[0].splitlines()]


def test_whose_files_are_whose(lives: Lives, tmp_path: Path) -> None:
    """Its own users in it, others' outside, and on the disk the image's: so all commands know nothing of it."""
    run = lives.run
    script = "id -u; touch /made /vol/v; chown 5:6 /made /vol/v; echo x >>/etc/group; rm /etc/os-release; sleep 1000"
    one = lives.detached("--name", "one", *MINE, "-v", "vol:/vol", "-v", "home:/home", "--", "sh", "-c", script)
    assert users(one) == [[0, 500000, 65536]]
    assert os.stat(f"/proc/{one['pid']}").st_uid == 500000
    lives.until(lambda: b"os-release" not in run("ctr-exec", "one", "ls", "/etc").out)
    seen = run("ctr-exec", "one", "stat", "-c", "%u:%g %n", "/", "/made", "/etc/group", "/etc/hosts", "/home/app").out
    assert seen.split() == [b"0:0", b"/", b"5:6", b"/made", b"0:0", b"/etc/group", b"0:0", b"/etc/hosts",
                            b"1000:1000", b"/home/app"]  # fmt: skip
    outside = os.stat(f"/proc/{one['pid']}/root/made")
    assert (outside.st_uid, outside.st_gid) == (500005, 500006)
    upper = lives.root / "containers" / one["id"] / "upper"
    for place in (upper / "made", lives.root / "volumes/vol/data/v"):
        assert (place.stat().st_uid, place.stat().st_gid) == (5, 6)
    assert (lives.root / "volumes/home/data/app").stat().st_uid == 1000
    assert run("ctr-run", "--rm", "-v", "vol:/vol", "busybox", "stat", "-c", "%u", "/vol/v").out == b"5\n"
    assert run("ctr-exec", "-u", "app", "one", "sh", "-c", "id -u; cat /etc/shadow; touch /home/app/x").out == b"1000\n"
    assert b"denied" in run("ctr-exec", "-u", "app", "one", "touch", "/no", status=1).err

    (tmp_path / "file").write_text("in")
    os.chown(tmp_path / "file", 7, 8)
    os.setxattr(tmp_path / "file", "security.capability", CAPABILITY)
    run("ctr-cp", tmp_path / "file", "one:/root/plain")
    run("ctr-cp", "-a", tmp_path / "file", "one:/vol/kept")
    seen = run("ctr-exec", "one", "stat", "-c", "%u:%g", "/root/plain", "/vol/kept").out
    assert seen == b"0:0\n7:8\n"
    run("ctr-cp", "one:/root/plain", tmp_path / "plain")
    for copy in (upper / "root/plain", tmp_path / "plain"):
        assert os.getxattr(copy, "security.capability") == CAPABILITY
    run("ctr-cp", "-a", "one:/made", tmp_path / "made")
    assert (tmp_path / "made").stat().st_uid == 5
    running = owners(run("ctr-export", "one").out)
    assert running["made"] == (5, 6)
    changed = [(found["path"], found["kind"]) for found in run("ctr-diff", "one").documents]
    assert ("/made", "added") in changed
    assert ("/etc/os-release", "deleted") in changed
    run("ctr-commit", "one", "changed:1")
    assert run("ctr-run", "--rm", "changed:1", "stat", "-c", "%u:%g", "/made").out == b"5:6\n"
    run("ctr-stop", "-t", "0", "one")
    assert owners(run("ctr-export", "one").out) == running
    run("ctr-cp", "-a", tmp_path / "file", "one:/vol/later")
    run("ctr-cp", "-a", "one:/vol/kept", tmp_path / "back")
    assert (tmp_path / "back").stat().st_uid == 7
    assert (lives.root / "volumes/vol/data/later").stat().st_uid == 7
    (again,) = run("ctr-start", "one").documents
    assert users(again) == [[0, 500000, 65536]]
    assert run("store-check").documents == []


def owners(archive: bytes) -> dict[str, tuple[int, int]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {one.name: (one.uid, one.gid) for one in tar}


def test_ranges(lives: Lives) -> None:
    """Each has one of its own for as long as it is there, also of many that are made at once; killed ones too."""
    run = lives.run
    run.shell("for n in 1 2 3 4 5 6; do ctr-run -d --userns auto busybox sleep 1000 & done; wait")
    found = lives.all()
    assert sorted(users(one)[0] for one in found.values()) == [[0, FIRST + 2001 * n, 2001] for n in range(6)]
    first = min(found.values(), key=lambda one: users(one)[0])
    run.shell(f"kill -9 {first['pid']} {lives.monitor(first)}")
    run("ctr-rm", "-f", first["id"])
    other = lives.detached("--name", "sized", "--userns", "auto:size=2001", "-u", "app")
    assert users(other) == [[0, FIRST, 2001]]
    (again,) = run("ctr-restart", "-t", "0", "sized").documents
    assert users(again) == [[0, FIRST, 2001]]
    (twin,) = run.shell("ctr-inspect sized | ctr-create --name twin - | ctr-start").documents
    assert users(twin) == [[0, FIRST + 6 * 2001, 2001]]
    edit = '.config.linux |= (.uidMappings[0].hostID = 600000 | .gidMappings[0].hostID = 600000)'
    (edited,) = run.shell(f"ctr-inspect twin | jq '{edit}' | ctr-create --name edited - | ctr-start").documents
    assert users(edited) == [[0, 600000, 2001]]
    assert lives.refused("ctr-create", "--userns", "auto:size=190000", "busybox").startswith("/etc/subuid: gives")
    whole = lives.detached("--userns", "private")
    assert users(whole)[0][2] == 65536


def test_its_network_and_who_shares_it(run: Commands, busybox_image: Image) -> None:
    """The network belongs to its users, and is published as any; another container may have both; nobody of other
    users may have one of them."""
    with opened({}) as (place, _):
        busybox_image.into_store(place / "store", NAME)
        where = run.on(OCIPIPE_ROOT=f"{place}/store", OCIPIPE_RUN_ROOT=f"{place}/run")
        with nethosts.host(where) as host:
            share(host)
        assert mounts.mounted_under(str(place)) == []


def share(host: nethosts.Host) -> None:
    def ns(box: nethosts.Box, kind: str) -> str:
        return os.readlink(f"{os.path.dirname(box.path)}/{kind}")

    host.run("net-create", "lan")
    one = host.box("one", *MINE, "--network", "lan", "-p", "8080:80", "--cap-add", "NET_ADMIN", "--ipc", "shareable")
    assert ns(one, "user") != os.readlink("/proc/self/ns/user")
    one.serve("tcp", 80)
    assert host.ask("tcp", "127.0.0.1", 8080).startswith("one ")
    host.run("ctr-exec", "one", "ip", "link", "set", "eth0", "mtu", "1400")
    assert host.run("ctr-exec", "one", "cat", "/proc/sys/net/ipv4/ping_group_range").out.split() == [b"0", b"65535"]
    joined = ["--userns", "container:one"]
    two = host.box("two", *joined, *(word for kind in ("network", "pid", "ipc") for word in (f"--{kind}", joined[1])))
    assert [ns(two, kind) for kind in SHARED] == [ns(one, kind) for kind in SHARED]
    assert b"sleep" in host.run("ctr-exec", "two", "cat", "/proc/1/cmdline").out
    three = host.box("three", *joined, "--network", "lan")
    assert (ns(three, "user") == ns(one, "user"), ns(three, "net") == ns(one, "net")) == (True, False)
    assert one.ips[0] in three.look_up("one")
    plain = host.box("plain", "--network", "container:one")
    assert (ns(plain, "user") == ns(one, "user"), ns(plain, "net") == ns(one, "net")) == (False, True)
    for option, whose in (
        ("--network=host", "the host"), ("--pid=host", "the host"), ("--ipc=host", "the host"),
        ("--network=container:one", "a container with other users"),
        ("--pid=container:plain", "a container with other users"),
    ):  # fmt: skip
        told = host.refused("ctr-create", "--userns", "private", option, "busybox")
        assert told.startswith(f"{option.replace('=', ' ')}: is of {whose}")
    host.run("ctr-stop", "-t", "0", "two", "one")
    assert "namespace is to be joined" in host.refused("ctr-start", "two")
    host.run("ctr-start", "one")
    host.run("ctr-start", "two")


def test_attached_and_more_of_it(lives: Lives, tmp_path: Path) -> None:
    """A container without a monitor, its streams, an image mounted in it, a host's directory, an init, a limit."""
    run = lives.run
    (tmp_path / "host").write_text("host's")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "tool").write_text("#!/bin/sh\nid -u >/given/made\n")
    (tmp_path / "given" / "tool").chmod(0o700)
    os.chown(tmp_path / "given" / "tool", 1000, 1000)
    os.chown(tmp_path / "given", 1000, 1000)
    out = run(
        "ctr-run", "--rm", "-i", *MINE, "--init", "--memory", "64m", "--mount", "type=image,source=busybox,target=/i",
        "--mount", "type=image,source=busybox,target=/h,image-subpath=home",
        "-v", f"{tmp_path}/host:/host", "--tmpfs", "/t", "--read-only", "busybox", "sh", "-c",
        "cat; stat -c %u /i /i/home/app /h/app /host /t; id -u >/dev/stderr; echo >/host; echo $?", input=b"given\n",
    )  # fmt: skip
    assert out.out == b"given\n0\n1000\n1000\n65534\n0\n1\n"
    assert (tmp_path / "host").read_text() == "host's"
    run("ctr-run", "--name", "mapped", *MINE, "-u", "app", "-v", f"{tmp_path}/given:/given:idmap", "busybox",
        "/given/tool")  # fmt: skip
    assert ((tmp_path / "given/made").read_text(), (tmp_path / "given/made").stat().st_uid) == ("1000\n", 1000)
    run.shell("ctr-inspect mapped | ctr-create --name more - | ctr-start | ctr-wait --exit-status")
    run("ctr-cp", tmp_path / "host", "mapped:/given/copied")
    assert (tmp_path / "given" / "copied").stat().st_uid == 0
    more = ["--mount", f"type=bind,source={tmp_path}/given,target=/given,idmap", *MINE]
    assert run("ctr-run", "--rm", *more, "busybox", "stat", "-c", "%u", "/given/tool").out == b"1000\n"
    assert run("ctr-run", "--rm", *MINE, "--volumes-from", "mapped", "busybox", "stat", "-c", "%u", "/given").out == (
        b"1000\n"
    )
    assert "idmap: is for a container with users" in lives.refused("ctr-create", *more[:2], "busybox", status=2)
    assert "only for the host's root" in lives.refused("ctr-create", *MINE, "--domainname", "lab", "busybox")
    assert run("ctr-run", "--rm", *MINE, "--ipc", "shareable", "busybox", "stat", "-c", "%u", "/dev/shm").out == b"0\n"
    assert b"0\n" in out.err
    run("ctr-create", "--name", "kept", "--rm", *MINE, "busybox", "cat", "/proc/self/uid_map")
    assert run("ctr-start", "-a", "kept").out.split() == [b"0", b"500000", b"65536"]
    tree = tmp_path / "tree"
    run.shell(f"mkdir {tree}; ctr-run --rm busybox true; img-export busybox | tar -xC {tree}")
    assert run("ctr-run", "--rm", *MINE, "--rootfs", f"{tree}:O", "stat", "-c", "%u", "/home/app").out == b"1000\n"
    assert "changed in place" in lives.refused("ctr-create", *MINE, "--rootfs", tree, "true", status=2)


def test_killed(run: Commands, kills: Kills, busybox_image: Image) -> None:
    """What a killed command leaves at any moment is nothing that the next one does not take away; and a reboot takes
    the namespace, the mounts and all that is in memory, but not whose users they are."""
    with opened({}) as (place, _):
        busybox_image.into_store(place / "store", NAME)
        where = run.on(OCIPIPE_ROOT=f"{place}/store", OCIPIPE_RUN_ROOT=f"{place}/run")
        lives = Lives(where, place / "store")
        kills.env = where.env
        where("ctr-run", "--rm", "-v", "vol:/vol", "busybox", "true")  # its layers are unpacked from now on

        def command(number: int) -> list[str | Path]:
            more = ["--name", f"n{number}", *MINE, "-v", "vol:/vol"]
            return [where.bin / "ctr-run", "-d", *more, "busybox", "sleep", "1000"]

        def after(number: int) -> None:
            where.shell("ctr-ps -aq | xargs -r ctr-rm -f; ctr-run --rm busybox true")
            assert lives.left() == [], number

        assert kills(command, after) > 2
        one = lives.detached("--name", "one", "--restart", "always", "-v", "vol:/vol", *MINE)
        where.shell(f"kill -9 {lives.monitor(one)}; kill -9 {one['pid']}")
        (two,) = where("ctr-start", "one").documents
        assert users(two) == [[0, 500000, 65536]]
        where("ctr-exec", "one", "sh", "-c", "touch /made /vol/made; chown 5 /made /vol/made")
        reboot(Box(where, lives.root))
        assert lives.status("one") == "stopped"
        (three,) = where("ctr-start", "--all", "--restore").documents
        assert users(three) == [[0, 500000, 65536]]
        assert where("ctr-exec", "one", "stat", "-c", "%u", "/made", "/vol/made").out == b"5\n5\n"
        where("ctr-rm", "-f", "one")
        assert lives.left() == []


def test_refused(lives: Lives, run: Commands, store_root: Path, busybox_image: Image) -> None:
    for options, named in (
        (["--userns", "bogus"], "--userns bogus: is not among"), (["--userns", "auto:"], "--userns auto:"),
        (["--userns", "auto:size=x"], "x is no count"), (["--userns", "auto:uidmapping=0:1:2"], "is not supported"),
        (["--userns", "container:none"], "none: no such container"),
        (["--userns", "host", *MINE], "--uidmap: does not go with --userns host"),
        (["--uidmap", "1:500000:5"], "without a user 0"), (["--gidmap", "0:x:1"], "is not CONTAINER:HOST:COUNT"),
        (["--uidmap", "0:500000:5", "--uidmap", "3:600000:5"], "overlaps another in the container"),
        ([*MINE, "-u", "70000"], "user 70000: is none of the container's"),
        ([*MINE, "-v", "vol:/vol:idmap=uids=0-1000-1"], "maps its volumes"),
        ([*MINE, "--config", "/dev/stdin"], "--config: changes whose users"),
    ):
        patch = json.dumps({"linux": {"uidMappings": []}}).encode()
        done = lives.run("ctr-run", "--rm", *options, "busybox", "true", status=None, input=patch)
        assert done.status in (2, 125), (options, done.err)
        (error,) = json.loads(done.err.splitlines()[-1])["errors"]
        assert named in error["message"]
        assert error["code"] != "INTERNAL"
    assert lives.all() == {}
    busybox_image.into_store(store_root, NAME)
    done = run("ctr-run", "--rm", *MINE, "busybox", "true", status=125)
    assert "lets no other user through" in done.errors[0]["message"]
    with opened({"/etc/subuid": "someone:1:5\n", "/etc/subgid": RANGE}) as (_, enter):
        inside = Inside(run.bin, lives.run.env, enter)
        (error,) = inside("ctr-create", "--userns", "auto", "busybox", status=1).errors
        assert error["message"].startswith("/etc/subuid: has no line of the user containers")


def test_a_file_system_that_cannot(run: Commands, busybox_image: Image) -> None:
    """One in memory of the older kind has no mounts with other owners; this is told before anything is done."""
    with opened({}) as (place, enter):
        busybox_image.into_store(place / "plain", NAME)
        script = "mkdir $0/store; mount -t ramfs -o mode=711 none $0/store; cp -a $0/plain/. $0/store"
        subprocess.run([*enter, "sh", "-c", script, place], check=True)
        where = {"OCIPIPE_ROOT": f"{place}/store", "OCIPIPE_RUN_ROOT": f"{place}/run"}
        inside = Inside(run.bin, {**run.env, **where}, enter)
        (error,) = inside("ctr-run", "--rm", *MINE, "busybox", "true", status=125).errors
        assert "its file system has no mounts with other owners" in error["message"]
        assert inside("ctr-ps", "-a").documents == []
