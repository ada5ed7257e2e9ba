"""The network that containers are on when nobody says anything, and hosts where there can be none."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boxes
import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import ADDRESS, NEIGHBOUR, Host

from ocipipe.host import locks


@pytest.fixture
def host(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Host]:
    busybox_image.into_store(store_root, boxes.NAME)
    with nethosts.host(run) as found:
        yield found


def test_there_without_being_made(host: Host) -> None:
    """A way out, published ports, its own name; with a process of any user on any port."""
    before = host.interfaces, host.rules
    (made,) = host.json("ctr-run", "-d", "--name", "web", "--user", "app", "-p", "8080:80", "busybox",
                        "sh", "-c", "while :; do echo hello | nc -l -p 80; done")  # fmt: skip
    assert made["annotations"]["org.ocipipe.networks"] == "ocipipe"
    nethosts.until(lambda: host.neighbour.ask("tcp", ADDRESS, 8080) == "hello\n")
    host.serve(host.neighbour, "tcp", 70, "neighbour")
    assert host.run("ctr-run", "--rm", "busybox", "nc", NEIGHBOUR, "70").out.decode() == f"neighbour {ADDRESS}"
    own = host.run("ctr-run", "--rm", "busybox", "sh", "-c", "hostname -i; ip -o -4 addr show eth0")
    name, _, _, _, address = own.out.decode().split()[:5]
    assert address.partition("/")[0] == name
    host.run("ctr-create", "--name", "later", "busybox", "sleep", "1000")
    host.run("ctr-start", "later")
    assert len(host.json("net-inspect", "--attachments", "ocipipe")) == 2
    host.run("ctr-rm", "-f", "web", "later")
    assert (host.interfaces, host.rules) == before


def test_no_names_there(host: Host) -> None:
    """As on docker's: they are for networks that somebody made; what asks for one is refused."""
    web = host.box("web")
    assert web.ips[0] not in host.box("other").look_up("web")
    for options in (["--network-alias", "w"], ["--network", "ocipipe:alias=w"]):
        assert host.refused("ctr-run", *options, "busybox").startswith("w: network ocipipe has no names")
    assert nethosts.running(str(host.run_root / "networks/names")) == []


def test_what_the_environment_says(host: Host) -> None:
    host.run("net-create", "lab")
    there = host.run.on(OCIPIPE_NETWORK="lab:alias=w")
    assert "10.91.0." in there("ctr-run", "--rm", "busybox", "nslookup", "w").out.decode()
    assert "10.90.0." in there("ctr-run", "--rm", "--network", "ocipipe", "busybox", "ip", "addr").out.decode()
    assert host.run.on(OCIPIPE_NETWORK="")("ctr-run", "--rm", "busybox", "ip", "addr", "show", "eth0").out
    alone = host.run.on(OCIPIPE_NETWORK="none")
    assert "eth0" not in alone("ctr-run", "--rm", "busybox", "ip", "addr").out.decode()
    (told,) = alone("ctr-run", "--rm", "-p", "80", "busybox", "true", status=2).errors
    assert "--publish: does not go with --network none" in told["message"]


def test_where_nftables_is_missing(host: Host, tmp_path: Path) -> None:
    """Which package has it is told, and what needs none."""
    before = host.interfaces, host.rules
    hidden = tmp_path / "hidden"
    hidden.touch()
    found = host.do("readlink -f $(command -v nft)").strip()
    script = f"mount --bind {hidden} {found}; ctr-run --rm --network none busybox true; ctr-run --rm busybox true"
    (told,) = host.run.shell(f"unshare -m sh -c '{script}'", status=125).errors
    assert told["message"] == "nft: is not installed (install the package nftables; --network none needs none)"
    assert (host.interfaces, host.rules) == before
    assert host.json("ctr-ps", "-a") == []


def test_where_networks_are_not_allowed(host: Host) -> None:
    """In somebody's sandbox: refused, with what works there, and nothing is left."""
    without = "setpriv --bounding-set=-net_admin --inh-caps=-net_admin ctr-run --rm"
    assert host.run.shell(f"{without} --network host busybox echo works").out == b"works\n"
    for _ in range(2):
        told = host.run.shell(f"{without} busybox true", status=125).err.decode()
        assert "not permitted (--network host needs no leave)" in told
    assert host.json("ctr-ps", "-a") == []
    host.run("ctr-run", "--rm", "busybox", "true")


def test_a_container_that_is_being_started(host: Host) -> None:
    """While its network comes, nobody takes it away without force, and nobody waits for its end to change it."""
    (place := host.run_root / "networks").mkdir(parents=True)
    argv = host.argv(str(host.run.bin / "ctr-run"), "--rm", "--name", "x", "busybox", "sleep", "1000")
    with locks.locked(str(place)):
        command = subprocess.Popen(argv, env=host.run.env, stdout=subprocess.DEVNULL)
        nethosts.until(lambda: list(host.run_root.glob("containers/*/pid")))  # the runtime has done its part
        assert host.refused("ctr-rm", "x") == "x: is being started (ctr-stop it first, or ctr-rm --force)"
        said = host.refused("ctr-update", "--pids-limit", "30", "x")
        assert said == "x: is run by a command, and has no monitor (run it with -d)"
    host.run("ctr-rm", "-f", "x")
    assert command.wait() == 137


def test_a_container_that_is_being_started_in_the_background(host: Host) -> None:
    """Who wants to take it away, or to change it, waits until it has begun."""
    (place := host.run_root / "networks").mkdir(parents=True)
    with ThreadPoolExecutor(3) as pool:
        with locks.locked(str(place)):
            runs = pool.submit(host.run, "ctr-run", "-d", "--name", "x", "busybox", "sleep", "1000")
            nethosts.until(lambda: list(host.run_root.glob("containers/*/pid")))
            others = [
                pool.submit(host.refused, "ctr-rm", "x"),
                pool.submit(host.json, "ctr-update", "--cpus", "1", "x"),
            ]
            time.sleep(0.3)
            assert not any(one.done() for one in (runs, *others))
        assert others[0].result() == "x: is running (ctr-stop it first, or ctr-rm --force)"
        assert others[1].result()[0]["status"] == "running"
        runs.result()
