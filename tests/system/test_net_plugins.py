"""Networks that CNI plugins make, on a host of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boxes
import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import ADDRESS, NEIGHBOUR, Host


@pytest.fixture
def host(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Host]:
    busybox_image.into_store(store_root, boxes.NAME)
    with nethosts.host(run) as found:
        yield found


def test_macvlan(host: Host) -> None:
    """A container with an address of the host's own network, given out by us."""
    options = ["--driver", "macvlan", "--interface", "eth0", "--subnet", "192.0.2.0/24", "--gateway", NEIGHBOUR]
    host.run("net-create", *options, "--ip-range", "192.0.2.64/28", "lan")
    one, two = host.box("one", "--network", "lan"), host.box("two", "--network", "lan:ip=192.0.2.70")
    assert (one.ips, two.ips) == (["192.0.2.64"], ["192.0.2.70"])
    host.serve(host.neighbour, "tcp", 80, "neighbour")
    two.serve("tcp", 80)
    assert one.ask("tcp", NEIGHBOUR, 80) == "neighbour 192.0.2.64"
    assert one.ask("tcp", two.ips[0], 80) == "two 192.0.2.64"
    assert host.neighbour.ask("tcp", two.ips[0], 80).startswith("two ")
    assert "can publish a port" in host.refused("ctr-run", "--network", "lan", "-p", "80", "busybox", "true")
    host.run("ctr-restart", "-t", "0", "one")
    assert one.ips == ["192.0.2.65"]


def test_ipvlan(host: Host) -> None:
    """Where the kernel has it; where not, that is told, and nothing is left."""
    addresses = ["--subnet", "192.0.2.0/24", "--gateway", NEIGHBOUR, "--ip-range", "192.0.2.80/28"]
    host.run("net-create", "--driver", "ipvlan", "--interface", "eth0", *addresses, "lan")
    if "no" in host.do("ip link add link eth0 name probe type ipvlan 2>/dev/null && ip link del probe || echo no"):
        told = host.refused("ctr-run", "--network", "lan", "busybox", "true")
        assert "CNI plugin ipvlan: failed to create ipvlan: operation not supported" in told
        return
    one = host.box("one", "--network", "lan")
    host.serve(host.neighbour, "tcp", 80, "neighbour")
    assert one.ask("tcp", NEIGHBOUR, 80) == f"neighbour {one.ips[0]}"


def test_a_conflist_on_stdin(host: Host) -> None:
    document = {
        "cniVersion": "1.0.0", "name": "cable",
        "plugins": [{
            "type": "ptp", "mtu": 1400,
            "ipam": {"type": "host-local", "subnet": "10.99.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]},
        }],
    }  # fmt: skip
    assert json.loads(host.run("net-create", "-", input=json.dumps(document).encode()).out) == document
    box = host.box("box", "--network", "cable", "--network", "ocipipe")
    assert box.ips[0] == "10.99.0.2"
    host.neighbour.do(f"ip route add 10.99.0.0/24 via {ADDRESS}")
    host.do("sysctl -qw net.ipv4.ip_forward=1")
    host.serve(host.neighbour, "tcp", 80, "neighbour")
    assert box.ask("tcp", NEIGHBOUR, 80) == "neighbour 10.99.0.2"
    assert "mtu 1400" in box.do("ip link show eth0")
    (found, _) = host.json("net-inspect", "--attachments", "cable", "ocipipe")
    assert found["ips"][0]["address"] == "10.99.0.2/24"
    host.run("net-disconnect", "cable", "box")
    assert "eth0" not in box.do("ip link")


def test_a_plugin_of_one_s_own_that_fails_leaves_nothing(host: Host, tmp_path: Path) -> None:
    """The chain's first plugin is undone, and the plugin's own words are told."""
    plugins = tmp_path / "cni"
    plugins.mkdir()
    log = tmp_path / "log"
    speaks = '{"cniVersion": "1.1.0", "supportedVersions": ["1.0.0"]}'
    failing = """echo '{"code": 7, "msg": "No luck today"}'; exit 1"""
    for name, ending in (("first", "echo '{}'"), ("second", failing)):
        (plugins / name).write_text(
            f"#!/bin/sh\ncase $CNI_COMMAND in VERSION) echo '{speaks}';;"
            f" ADD) echo {name} add >>{log}; {ending};; DEL) echo {name} del >>{log};; esac\n"
        )
        (plugins / name).chmod(0o755)
    document = {"cniVersion": "1.1.0", "name": "own", "plugins": [{"type": "first"}, {"type": "second"}]}
    host.run("net-create", "-", input=json.dumps(document).encode())
    host.run.env["CNI_PATH"] = str(plugins)
    told = host.refused("ctr-run", "--rm", "--network", "own", "busybox", "true")
    assert "CNI plugin second: no luck today" in told
    assert log.read_text().splitlines() == ["first add", "second add", "second del", "first del"]
    (plugins / "second").unlink()
    assert "CNI plugin second: is not installed" in host.refused("ctr-run", "--network", "own", "busybox", "true")
