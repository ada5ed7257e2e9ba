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


def state(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((host.run_root / "networks/state.json").read_bytes())
    return found


def test_fifty_at_once(host: Host) -> None:
    """50 addresses, all names right; the same after all is gone."""
    host.run("net-create", "lab")
    watcher = host.box("watcher", "--network", "lab")
    command = str(host.run.bin / "ctr-run")
    for _ in range(2):
        starting = [
            subprocess.Popen(
                host.argv(command, "-d", "--name", f"c{n}", "--network", "lab", "-p", "80", "busybox", "sleep", "1000"),
                env=host.run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for n in range(50)
        ]  # fmt: skip
        found = [one.communicate() for one in starting]
        assert [one.returncode for one in starting] == [0] * 50, [err for _, err in found if err][:1]
        documents = [json.loads(out) for out, _ in found]
        there = {key: one["attachments"][0]["result"]["ips"] for key, one in state(host)["containers"].items()}
        ips = {one["annotations"]["org.ocipipe.name"]: there[one["id"]][0]["address"] for one in documents}
        assert len(set(ips.values())) == 50
        assert len({one["annotations"]["org.ocipipe.ports"] for one in documents}) == 50
        answers = watcher.sh("for n in $(seq 0 49); do echo c$n $(nslookup -type=a c$n | tail -n 2); done").splitlines()
        assert {line.split()[0]: line.split()[-1] for line in answers} == {
            name: address.partition("/")[0] for name, address in ips.items()
        }
        names = [f"c{n}" for n in range(50)]
        ends = [
            subprocess.Popen(host.argv(str(host.run.bin / "ctr-rm"), "-f", *names[n::5]), env=host.run.env,
                             stdout=subprocess.DEVNULL)
            for n in range(5)
        ]  # fmt: skip
        assert [one.wait() for one in ends] == [0] * 5
        assert list(state(host)["containers"]) == [watcher.id]


def test_everything_of_ours_is_killed(host: Host) -> None:
    """Containers, monitors and the service of names: the interfaces go by themselves, net-check takes the rest."""
    host.run("net-create", "lab")
    before = host.interfaces, host.rules
    boxes_ = [host.box(f"box{n}", "--network", "lab", "-p", f"808{n}:80") for n in range(3)]
    monitors = [int((host.run_root / "containers" / box.id / "monitor").read_text()) for box in boxes_]
    processes = [int(box.path.split("/")[2]) for box in boxes_]
    for pid in [*monitors, *nethosts.running(str(host.run_root / "networks/names")), *processes]:
        os.kill(pid, signal.SIGKILL)  # the monitors first: they would clean up
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


def test_a_start_is_killed_anywhere(host: Host, kills: Kills) -> None:
    """The next one gets on, and no address or port is lost."""
    host.run("ctr-run", "--rm", "busybox", "true")  # the image is unpacked from here on
    host.run("net-create", "tight", "--subnet", "10.77.0.0/29")
    before = host.interfaces, host.rules
    run = [*host.argv(str(host.run.bin / "ctr-run")), "--rm", "--network", "tight", "-p", "8080:80", "busybox", "true"]

    def after(_: int) -> None:
        for _ in range(5):  # more than the network has addresses for
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
