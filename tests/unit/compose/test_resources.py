"""Networks of a project as what net-create is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import context

from ocipipe.compose import project, resources
from ocipipe.compose.positions import ComposeError
from ocipipe.network.create import Asked


def network(here: Path, keys: str) -> Asked:
    (here / "compose.yaml").write_text(f"services: {{a: {{image: b, networks: [n]}}}}\nnetworks:\n  n: {keys}\n")
    world = context(here / "root")
    return resources.network(world, project.load(world, ["compose.yaml"]), "n")


def test_addresses(here: Path) -> None:
    asked = network(
        here,
        """
    ipam:
      config:
        - {subnet: 10.5.0.0/16, ip_range: 10.5.1.0/24, gateway: 10.5.0.9, aux_addresses: {nas: 10.5.1.7, tv: 10.5.1.8}}
        - {subnet: "fd00:5::/64", aux_addresses: {nas: "fd00:5::7"}}
""",
    )
    assert (asked.subnets, asked.gateways, asked.ranges) == (
        ["10.5.0.0/16", "fd00:5::/64"],
        ["10.5.0.9"],
        ["10.5.1.0/24"],
    )
    assert asked.reserved == ["10.5.1.7", "10.5.1.8", "fd00:5::7"]


def test_settings(here: Path) -> None:
    asked = network(
        here, "{driver: macvlan, internal: true, driver_opts: {parent: eth7, macvlan_mode: vepa, mtu: 1400}}"
    )
    assert (asked.driver, asked.internal, asked.interface, asked.mtu) == ("macvlan", True, "eth7", 1400)
    assert asked.options == {"mode": "vepa"}


def test_options_of_docker_s_bridges(here: Path) -> None:
    options = {f"com.docker.network.bridge.{key}": value for key, value in
               (("enable_icc", "false"), ("host_binding_ipv4", "127.0.0.1"))}  # fmt: skip
    options["com.docker.network.container_iface_prefix"] = "lan"
    text = ", ".join(f"{key}: {value}" for key, value in options.items())
    assert network(here, f"{{driver_opts: {{{text}, com.docker.network.bridge.name: br7}}}}").options == options


@pytest.mark.parametrize(
    ("keys", "versions"),
    [
        ("{}", (True, False)),
        ("{enable_ipv6: true}", (True, True)),
        ("{enable_ipv4: false, enable_ipv6: true}", (False, True)),
        ("{enable_ipv4: false, ipam: {config: [{subnet: 'fd00:5::/64'}]}}", (False, False)),
    ],
)
def test_versions(here: Path, keys: str, versions: tuple[bool, bool]) -> None:
    asked = network(here, keys)
    assert (asked.ipv4, asked.ipv6) == versions


@pytest.mark.parametrize(
    ("keys", "where", "problem"),
    [
        ("{driver: overlay}", "driver", "there is no driver overlay"),
        ("{enable_ipv4: false}", "enable_ipv4", "leaves it no addresses"),
        ("{enable_ipv4: false, enable_ipv6: true, driver: macvlan}", "enable_ipv4", "leaves it no addresses"),
        ("{enable_ipv4: false, enable_ipv6: true, ipam: {config: [{subnet: 10.5.0.0/16}]}}", "enable_ipv4",
         "ipam has a subnet of IPv4"),
        ("{driver_opts: {colour: red}}", "driver_opts.colour", "is not supported"),
        ("{driver: macvlan, driver_opts: {com.docker.network.bridge.enable_icc: false}}",
         "driver_opts.com.docker.network.bridge.enable_icc", "is not supported"),
        ("{driver_opts: {com.docker.network.bridge.enable_icc: perhaps}}",
         "driver_opts.com.docker.network.bridge.enable_icc", "'perhaps': is neither"),
        ("{driver_opts: {com.docker.network.bridge.host_binding_ipv4: '::1'}}",
         "driver_opts.com.docker.network.bridge.host_binding_ipv4", "'::1': is no address of IPv4"),
        ("{driver_opts: {mtu: big}}", "driver_opts", "'big' is no size of packets"),
        ("{ipam: {driver: mine}}", "ipam.driver", "there is only the default one"),
        ("{ipam: {options: {a: b}}}", "ipam.options", "is not supported"),
    ],
)
def test_what_cannot_be(here: Path, keys: str, where: str, problem: str) -> None:
    with pytest.raises(ComposeError, match=f"compose.yaml:3: networks.n.{where}: {problem}"):
        network(here, keys)
