"""Networks when commands are killed, when everything is, and when many come at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boxes
import nethosts
import pytest
import tracing
from commands import Commands
from images import Image
from killing import Kills
from nethosts import ADDRESS, Host


@pytest.fixture
def host(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Host]:
    busybox_image.into_store(store_root, boxes.NAME)
    with nethosts.host(run) as found:
        yield found


MANY = 50


def state(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((host.run_root / "networks/state.json").read_bytes())
    return found


def at_once(host: Host, commands: list[list[str]]) -> list[dict[str, Any]]:
    """What commands print that run side by side."""
    argvs = [host.argv(str(host.run.bin / name), *words) for name, *words in commands]
    running = [
        subprocess.Popen(one, env=host.run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for one in argvs
    ]
    found = [one.communicate() for one in running]
    assert [one.returncode for one in running] == [0] * len(running), [err for _, err in found if err][:1]
    return [json.loads(out) for out, _ in found]


def kill_everything(host: Host, ids: list[str]) -> None:
    """The monitors of these containers first, as they would clean up, then the service of names and the processes."""
    directories = [host.run_root / "containers" / one for one in ids]
    monitors, pids = ([int((one / name).read_text()) for one in directories] for name in ("monitor", "pid"))
    for pid in [*monitors, *nethosts.running(str(host.run_root / "networks/names")), *pids]:
        os.kill(pid, signal.SIGKILL)


def test_many_at_once(host: Host) -> None:
    """As many addresses, all names right; the same when everything of ours was killed and they are started again."""
    host.run("net-create", "lab")
    watcher = host.box("watcher", "--network", "lab")
    options = ["--network", "lab", "-p", "80", "busybox", "sleep", "1000"]
    for commands in (
        [["ctr-run", "-d", "--name", f"c{n}", *options] for n in range(MANY)],
        [["ctr-start", f"c{n}"] for n in range(MANY)],
    ):
        documents = at_once(host, commands)
        there = {key: one["attachments"][0]["result"]["ips"] for key, one in state(host)["containers"].items()}
        ips = {one["annotations"]["org.ocipipe.name"]: there[one["id"]][0]["address"] for one in documents}
        assert len(set(ips.values())) == MANY
        assert len({one["annotations"]["org.ocipipe.ports"] for one in documents}) == MANY
        look_up = "echo c$n $(nslookup -type=a c$n | tail -n 2)"
        answers = watcher.sh(f"for n in $(seq 0 {MANY - 1}); do {look_up}; done").splitlines()
        assert {line.split()[0]: line.split()[-1] for line in answers} == {
            name: address.partition("/")[0] for name, address in ips.items()
        }
        kill_everything(host, [one["id"] for one in documents])
    at_once(host, [["ctr-rm", "-f", f"c{n}"] for n in range(MANY)])
    assert list(state(host)["containers"]) == [watcher.id]


def test_everything_of_ours_is_killed(host: Host) -> None:
    """Containers, monitors and the service of names: the interfaces go by themselves, net-check takes the rest."""
    host.run("net-create", "lab")
    before = host.interfaces, host.rules
    boxes_ = [host.box(f"box{n}", "--network", "lab", "-p", f"808{n}:80") for n in range(3)]
    kill_everything(host, [one.id for one in boxes_])
    nethosts.until(lambda: not any(one.startswith("oc") and not one.startswith("oci-") for one in host.interfaces))
    codes = {one["code"] for one in host.json("net-check", "--dry-run")}
    assert "NETWORK_GONE" in codes
    host.run("net-check")
    assert (host.interfaces, host.rules) == before
    assert host.json("net-check") == []
    host.run.shell("ctr-ps -aq | ctr-cleanup >/dev/null; ctr-ps -aq | ctr-start")
    web = host.json("ctr-ps")[0]
    place = nethosts.Place(f"/proc/{web['pid']}/ns/net")
    host.serve(place, "tcp", 80, "again")
    port = int(web["annotations"]["org.ocipipe.ports"].partition(":")[0])
    assert host.neighbour.ask("tcp", ADDRESS, port).startswith("again ")


def test_the_last_one_on_a_network_is_killed(host: Host) -> None:
    """The next one there comes without anybody having looked after what was left."""
    host.run("net-create", "lab")
    last = host.box("last", "--network", "lab", "-p", "8080:80")
    kill_everything(host, [last.id])
    nethosts.until(lambda: not any(one.startswith(f"oc{last.id[:10]}") for one in host.interfaces))
    after = host.box("after", "--network", "lab", "-p", "8080:80")
    after.serve("tcp", 80)
    assert host.neighbour.ask("tcp", ADDRESS, 8080).startswith("after ")
    assert after.ips[0] in after.look_up("after")


def test_a_start_is_killed_anywhere(host: Host, kills: Kills) -> None:
    """The next one gets on, and no address or port is lost."""
    host.run("ctr-run", "--rm", "busybox", "true")  # the image is unpacked from here on
    host.run("net-create", "tight", "--subnet", "10.77.0.0/29", "--ip-range", "10.77.0.4/32")
    before = host.interfaces, host.rules
    run = [*host.argv(str(host.run.bin / "ctr-run")), "--rm", "--network", "tight", "-p", "8080:80", "busybox", "true"]

    def after(_: int) -> None:
        for _ in range(2):  # the network has one address for them
            host.run("ctr-run", "--rm", "--network", "tight", "-p", "8080:80", "busybox", "true")
        assert host.run("net-check").out == b""
        assert (host.interfaces, host.rules) == before

    kills(lambda _: run, after, calls=tracing.CHANGES | {"clone", "clone3", "vfork"})


def test_an_end_is_killed_anywhere(host: Host, kills: Kills) -> None:
    host.run("net-create", "lab")
    before = host.interfaces, host.rules

    def command(number: int) -> list[str]:
        host.run("net-check")
        host.box(f"box{number}", "--network", "lab", "-p", "8080:80")
        return [*host.argv(str(host.run.bin / "net-disconnect")), "lab", f"box{number}"]

    def after(number: int) -> None:
        host.run("ctr-rm", "-f", f"box{number}")
        host.run("net-check")
        assert (host.interfaces, host.rules) == before

    kills(command, after)


def test_networks_are_made_side_by_side(host: Host) -> None:
    """No two get one subnet."""
    making = [
        subprocess.Popen(host.argv(str(host.run.bin / "net-create"), f"n{n}"), env=host.run.env, stdout=subprocess.PIPE)
        for n in range(12)
    ]  # fmt: skip
    found = [json.loads(one.communicate()[0]) for one in making]
    assert len({json.dumps(one["plugins"][0]["ipam"]["ranges"]) for one in found}) == 12
