"""network/conflist and create: documents of networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oci_spec import jsondoc, validate
from oci_spec.jsondoc import FormatError
from ocipipe.errors import Conflict, NotFound, UsageError
from ocipipe.network import addresses, conflist, create, settings
from ocipipe.network.conflist import Network
from ocipipe.network.networks import Networks
from ocipipe.store.store import Store

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def golden(name: str) -> dict[str, Any]:
    return jsondoc.load_object((GOLDEN / f"{name}.json").read_bytes())


@pytest.fixture
def networks(store_root: Path) -> Networks:
    return Networks(Store(str(store_root)))


def made(networks: Networks, name: str = "lab", **asked: Any) -> Network:
    return create.create(networks, create.Asked(name, "2026-01-02T03:04:05Z", b"\x01\x02\x03\x04\x05", **asked))


def test_a_bridge_of_ours() -> None:
    found = conflist.load(golden("network"), "x")
    assert (found.driver, found.bridge, found.mtu, found.isolate, found.names) == (
        "bridge", "oci-d798ba7a65", 1400, True, True,
    )  # fmt: skip
    four, six = found.ranges
    assert [addresses.text(4, n) for n in (four.gateway, four.usable[0], four.usable[-1])] == [
        "10.91.0.1", "10.91.0.10", "10.91.0.20",
    ]  # fmt: skip
    assert six.subnet.version == 6
    assert found.nameservers == ["192.0.2.53"]


def test_another_s_network() -> None:
    found = conflist.load(golden("network.vlan"), "x")
    assert (found.driver, found.bridge, found.names) == ("cni", "", False)
    assert [str(one) for one in found.subnets] == ["192.0.2.0/24"]


@pytest.mark.parametrize("change", [{"vlan": 3}, {"ipam": {"type": "dhcp"}}, {"promiscMode": True}])
def test_a_bridge_that_we_cannot_make_is_the_plugin_s(change: dict[str, object]) -> None:
    document = golden("network")
    document["plugins"][0] |= change
    assert Network(document).driver == "cni"


def test_what_is_made_is_valid_and_read_back(networks: Networks) -> None:
    found = made(networks, ipv6=True, labels={"a": "b"}, mtu=1400, isolate=True)
    validate.check("network", found.document, "x")
    assert networks.find("lab").document == found.document
    assert [str(one) for one in found.subnets] == ["10.91.0.0/24", "fd01:203:405::/64"]
    assert found.bridge.startswith("oci-")
    assert len(found.bridge) <= 15
    assert networks.names() == ["ocipipe", "lab"]


@pytest.mark.parametrize(
    ("options", "apart", "binding", "prefix"),
    [
        ({}, False, "", "eth"),
        ({settings.ICC: "False", settings.PREFIX: "lan"}, True, "", "lan"),
        ({settings.ICC: "true", settings.BINDING: "0.0.0.0"}, False, "", "eth"),
        ({settings.BINDING: "192.0.2.7"}, False, "192.0.2.7", "eth"),
    ],
)
def test_options_of_docker_s(
    networks: Networks, options: dict[str, str], apart: bool, binding: str, prefix: str
) -> None:
    made(networks, options=options)
    found = networks.find("lab")
    assert (found.driver, found.apart, found.host_binding) == ("bridge", apart, binding)
    assert found.interface_prefix == prefix


@pytest.mark.parametrize(
    ("asked", "subnets"),
    [
        ({}, ["10.91.0.0/24"]),
        ({"ipv6": True}, ["10.91.0.0/24", "fd01:203:405::/64"]),
        ({"ipv6": True, "ipv4": False}, ["fd01:203:405::/64"]),
        ({"subnets": ["fd00:7::/64"]}, ["fd00:7::/64"]),
        ({"subnets": ["fd00:7::/64"], "ipv4": False}, ["fd00:7::/64"]),
        ({"subnets": ["fd00:7::/64"], "ipv6": True}, ["10.91.0.0/24", "fd00:7::/64"]),
        ({"subnets": ["10.7.0.0/16"], "ipv6": True}, ["10.7.0.0/16", "fd01:203:405::/64"]),
    ],
)
def test_versions_of_ip(networks: Networks, asked: dict[str, Any], subnets: list[str]) -> None:
    assert [str(one) for one in made(networks, **asked).subnets] == subnets


def test_the_default_network_is_there_without_being_made(networks: Networks) -> None:
    found = networks.find("ocipipe")
    validate.check("network", found.document, "x")
    assert not found.names
    networks.settle(found)
    assert networks.find("ocipipe").document == found.document
    assert networks.names() == ["ocipipe"]


def test_addresses_as_asked_for(networks: Networks) -> None:
    found = made(
        networks, subnets=["10.77.0.0/16"], gateways=["10.77.255.254"], ranges=["10.77.4.0/24"], internal=True
    )  # fmt: skip
    (one,) = found.ranges
    assert addresses.text(4, one.gateway) == "10.77.255.254"
    assert addresses.text(4, one.usable[0]) == "10.77.4.0"
    assert found.internal
    assert "routes" not in found.document["plugins"][0]["ipam"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"name": "a/b"}, "is no network name"),
        ({"name": "host"}, "has a meaning of its own"),
        ({"subnets": ["10.0.0.1/24"]}, "bits beyond"),
        ({"subnets": ["10.0.0.0/31"]}, "has no room"),
        ({"subnets": ["10.1.0.0/24", "10.2.0.0/24"]}, "more than one of one version"),
        ({"subnets": ["10.1.0.0/24"], "gateways": ["10.2.0.1"]}, "is no gateway in 10.1.0.0/24"),
        ({"subnets": ["10.1.0.0/24"], "gateways": ["10.1.0.255"]}, "is no gateway in 10.1.0.0/24"),
        ({"subnets": ["10.1.0.0/24"], "gateways": ["fd00::1"]}, "no subnet of IPv6"),
        ({"subnets": ["10.1.0.0/24"], "ranges": ["10.1.1.0/24"]}, "is not within"),
        ({"ipv4": False}, "leaves the network no addresses"),
        ({"ipv4": False, "ipv6": True, "subnets": ["10.1.0.0/24"]}, "is of IPv4, which --ipv4=false turns off"),
        ({"ipv4": False, "driver": "macvlan", "interface": "lo"}, "the subnet is the outside's"),
        ({"mtu": 5}, "is no size of packets"),
        ({"dns": ["x"]}, "is no address of a name server"),
        ({"dns": ["1.1.1.1"], "disable_dns": True}, "nobody would ask it"),
        ({"options": {"x": "y"}}, "is no option of the driver bridge"),
        ({"options": {settings.ICC: "no"}}, "is neither true nor false"),
        ({"options": {settings.PREFIX: "a/b"}}, "is no beginning of an interface's name"),
        ({"options": {settings.PREFIX: "l" * 13}}, "is no beginning of an interface's name"),
        ({"options": {settings.BINDING: "web"}}, "is no address of this host"),
        ({"options": {settings.BINDING: "::"}}, "is no address of IPv4"),
        ({"options": {settings.BINDING: "127.0.0.1"}, "ipv4": False, "ipv6": True}, "has no addresses of IPv4"),
        ({"driver": "macvlan"}, "the host's interface is not said"),
        ({"driver": "macvlan", "interface": "eth0", "internal": True}, "is for bridges"),
        ({"driver": "macvlan", "interface": "eth0", "options": {"mode": "x"}}, "is no mode of macvlan"),
        ({"driver": "ipvlan", "interface": "eth0", "options": {"a": "x"}}, "is no option of the driver ipvlan"),
        ({"driver": "cni"}, "which plugin is not said"),
    ],
)
def test_what_does_not_go_together_makes_nothing(networks: Networks, asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        made(networks, **asked)
    assert networks.names() == ["ocipipe"]


def test_interfaces_that_are_there_and_that_are_not(networks: Networks) -> None:
    with pytest.raises(Conflict, match="an interface of this name is there"):
        made(networks, interface="lo")
    with pytest.raises(NotFound, match="this host has no such interface"):
        made(networks, driver="ipvlan", interface="no-such")
    assert networks.names() == ["ocipipe"]


def test_what_is_taken(networks: Networks) -> None:
    made(networks, subnets=["10.77.0.0/16"], interface="br-a")
    for asked, problem in (
        ({"name": "lab"}, "there is a network of this name"),
        ({"name": "b", "subnets": ["10.77.3.0/24"]}, "overlaps network lab"),
        ({"name": "b", "interface": "br-a"}, "is network lab's bridge"),
    ):
        with pytest.raises(Conflict, match=problem):
            made(networks, **asked)  # type: ignore[arg-type]
    assert [str(one) for one in made(networks, "c").subnets] == ["10.91.0.0/24"]
    assert [str(one) for one in made(networks, "d").subnets] == ["10.91.1.0/24"]


def test_drivers_of_others(networks: Networks) -> None:
    lan = made(networks, "lan", driver="macvlan", interface="lo", subnets=["192.0.2.0/24"], gateways=["192.0.2.1"])
    assert lan.driver == "cni"
    plugin = lan.document["plugins"][0]  # type: ignore[index]
    assert (plugin["type"], plugin["master"], plugin["mode"]) == ("macvlan", "lo", "bridge")
    vlan = made(networks, "v", driver="cni", options={"type": "vlan", "vlanId": "42", "master": "lo"})
    assert vlan.document["plugins"][0]["vlanId"] == 42  # type: ignore[index]
    for one in (lan, vlan):
        validate.check("network", one.document, "x")


def test_a_document_makes_the_same_again(networks: Networks) -> None:
    document = golden("network")
    assert create.again(networks, document, "2026-01-02T03:04:05Z").name == "lab"
    bare = golden("network") | {"name": "other"}
    del bare["plugins"][0]["bridge"], bare["plugins"][0]["ipam"]
    found = create.again(networks, bare, "2026-01-02T03:04:05Z")
    assert found.bridge == networks.bridge_name("other")
    assert [str(one) for one in found.subnets] == ["10.91.1.0/24"]
    for broken in ({}, {"cniVersion": "1.0.0", "name": "x", "plugins": []}):
        with pytest.raises(FormatError):
            create.again(networks, broken, "2026-01-02T03:04:05Z")


def test_removed(networks: Networks) -> None:
    made(networks)
    networks.remove("lab")
    with pytest.raises(NotFound):
        networks.find("lab")
    for name in ("../x", "", "nothing"):
        with pytest.raises(NotFound):
            networks.find(name)
