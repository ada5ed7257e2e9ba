"""net-create, -ls, -inspect, -rm, -prune, and what they refuse: before anything is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boxes
import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import Host


@pytest.fixture
def host(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Host]:
    busybox_image.into_store(store_root, boxes.NAME)
    with nethosts.host(run) as found:
        yield found


def test_from_made_to_removed(host: Host) -> None:
    (made,) = host.json("net-create", "--label", "stage=test", "--subnet", "10.77.0.0/24", "lab")
    assert host.json("net-ls")[1:] == [made] == host.json("net-inspect", "lab")
    assert host.json("net-ls", "--filter", "label=stage=test") == [made]
    assert host.json("net-ls", "--filter", f"name=^{made['name']}$") == [made]
    assert host.json("net-ls", "--filter", "label=stage=live") == []
    assert host.run("net-ls", "-q").out == b"ocipipe\nlab\n"
    assert json.loads(host.run.shell("net-inspect lab | oci-validate").out)["valid"] is True
    edit = "jq '.name=\"b\" | del(.plugins[0].bridge, .plugins[0].ipam)'"
    again = json.loads(host.run.shell(f"net-inspect lab | {edit} | net-create -").out)
    assert again["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "10.91.0.0/24", "gateway": "10.91.0.1"}]]
    assert b"10.77.0.0/24" in host.run("net-ls", "--format", "table").out
    (gone,) = host.json("net-rm", "lab")
    assert gone == {"action": "delete", "object": {"kind": "network", "name": "lab"}, "reasons": []}
    planned = host.json("net-prune", "--plan")
    assert [one["object"]["name"] for one in planned] == ["b"]
    assert host.json("net-prune") == planned
    assert host.run("net-ls", "-q").out == b"ocipipe\n"


def test_what_is_refused_changes_nothing(host: Host) -> None:
    host.run("net-create", "lab", "--subnet", "10.77.0.0/24")
    box = host.box("box", "--network", "lab:ip=10.77.0.5")
    before = host.interfaces, host.rules, host.run("net-ls").out, host.run("ctr-ps", "-a").out
    for told, *argv in (
        ("there is a network of this name", "net-create", "lab"),
        ("overlaps network lab", "net-create", "--subnet", "10.77.0.128/25", "x"),
        ("is in use on this host, by eth0", "net-create", "--subnet", "192.0.2.0/24", "x"),
        ("10.91.0.300", "net-create", "--subnet", "10.91.0.0/24", "--gateway", "10.91.0.300", "x"),
        ("is in no subnet", "net-create", "--subnet", "10.91.0.0/24", "--aux-address", "10.92.0.1", "x"),
        ("no such network", "net-rm", "nothing"),
        ("container box uses it", "net-rm", "lab"),
        ("no such network", "net-connect", "nothing", "box"),
        ("is on this network", "net-connect", "lab", "box"),
        ("is not on this network", "net-disconnect", "ocipipe", "box"),
        ("no such container", "net-connect", "lab", "nobody"),
        ("no such network", "ctr-run", "-d", "--network", "nothing", "busybox", "true"),
        ("is another container's", "ctr-run", "-d", "--network", "lab:ip=10.77.0.5", "busybox", "true"),
        ("is the gateway", "ctr-run", "-d", "--network", "lab:ip=10.77.0.1", "busybox", "true"),
        ("is no address in 10.77.0.0/24", "ctr-run", "-d", "--network", "lab:ip=10.78.0.5", "busybox", "true"),
        ("has no addresses of IPv6", "ctr-run", "-d", "--network", "lab:ip6=fd00::1", "busybox", "true"),
        ("is no setting", "ctr-run", "-d", "--network", "lab:x=y", "busybox", "true"),
        ("twice", "ctr-run", "-d", "--network", "lab", "--network", "lab", "busybox", "true"),
        ("does not go with", "ctr-run", "-d", "--network", "host", "-p", "1:1", "busybox", "true"),
        ("does not go with", "ctr-run", "-d", "--network", "none", "--network", "lab", "busybox", "true"),
        ("is of one", "ctr-run", "-d", "--network", "lab", "--network", "ocipipe", "--ip", "10.77.0.9", "busybox"),
        ("no such container", "ctr-run", "-d", "--network", "container:nobody", "busybox", "true"),
    ):
        assert told in host.refused(*argv), argv
    assert (host.interfaces, host.rules, host.run("net-ls").out, host.run("ctr-ps", "-a").out) == before
    assert host.json("net-prune") == []
    host.run("net-rm", "--force", "lab")
    assert "eth0" not in box.do("ip link")


def test_a_full_network(host: Host) -> None:
    host.run("net-create", "--subnet", "10.77.0.0/29", "--aux-address", "router=10.77.0.3", "lab")
    boxes = [host.box(f"box{number}", "--network", "lab") for number in range(4)]
    assert [ip for box in boxes for ip in box.ips] == [f"10.77.0.{number}" for number in (2, 4, 5, 6)]
    assert "no address of 10.77.0.0/29 is free" in host.refused("ctr-run", "--network", "lab", "busybox", "true")
    kept = host.refused("ctr-run", "--network", "lab:ip=10.77.0.3", "busybox", "true")
    assert "is kept free on network lab" in kept
    host.run("ctr-rm", "-f", "box2")
    assert host.box("again", "--network", "lab").ips == ["10.77.0.5"]


def test_addresses_of_one_link(host: Host) -> None:
    host.run("net-create", "lab")
    host.run("net-create", "more")
    host.box("a", "--network", "lab", "--link-local-ip", "169.254.7.1", "--link-local-ip", "fe80::71")
    host.box("b", "--network", "lab:link-local=169.254.7.2,link-local=fe80::72")
    assert "1 packets received" in host.run("ctr-exec", "b", "ping", "-c", "1", "169.254.7.1").out.decode()
    taken = host.refused("ctr-run", "--network", "lab:link-local=169.254.7.1", "busybox", "true")
    assert "169.254.7.1/16: is another container's on network lab" in taken
    host.run("net-connect", "--link-local-ip", "169.254.7.1", "more", "b")  # another link
    assert "inet 169.254.7.1/16" in host.run("ctr-exec", "b", "ip", "addr", "show", "eth1").out.decode()
    host.run("ctr-restart", "-t", "0", "a")
    assert "fe80::71/64" in host.run("ctr-exec", "a", "ip", "addr", "show", "eth0").out.decode()


def test_a_container_that_does_not_run_yet(host: Host) -> None:
    host.run("net-create", "lab")
    host.run("ctr-create", "--name", "later", "--network", "ocipipe", "busybox", "sleep", "1000")
    (found,) = host.json("net-connect", "--ip", "10.91.0.9", "lab", "later")
    assert found["annotations"]["org.ocipipe.networks"] == "ocipipe lab"
    assert "container later uses it" in host.refused("net-rm", "lab")
    host.run("ctr-start", "later")
    assert [one["ips"][0]["address"] for one in host.json("net-inspect", "--attachments", "lab")] == ["10.91.0.9/24"]


def test_what_another_network_of_the_host_took_meanwhile(host: Host) -> None:
    host.run("net-create", "--subnet", "10.77.0.0/24", "lab")
    host.do("ip link add other type bridge; ip addr add 10.77.0.3/16 dev other; ip link set other up")
    before = host.interfaces, host.rules
    assert "in use on this host, by other" in host.refused("ctr-run", "--network", "lab", "busybox", "true")
    assert (host.interfaces, host.rules) == before
    host.do("ip link del other")


def test_a_part_that_is_not_there(host: Host, tmp_path: Path) -> None:
    host.run("net-create", "lab")
    rules = host.rules
    found = tmp_path / "path"
    found.mkdir()
    masked = f"mount --bind {found} /usr/lib/podman" if Path("/usr/lib/podman/aardvark-dns").exists() else "true"
    script = f"{masked}; ctr-run --rm --network lab busybox true"
    told = host.run.shell(f"unshare -m sh -c '{script}'", status=125).err.decode()
    assert "aardvark-dns: is not installed, and gives containers their names" in told
    assert host.rules == rules
