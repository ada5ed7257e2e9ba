"""Bridges and what hangs on them: the host's side and the container's, each in its own network namespace."""

from __future__ import annotations

import binascii

from . import addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .conflist import Network
    from .links import Links


def described(network: Network, *, loopback6: bool, names: bool) -> dict[str, Any]:
    """What the state keeps of a bridge that is up: all that making it again and the firewall take. `names`: whether
    the service of names listens at its gateway. Pure."""
    return {
        "network": network.name,
        "addresses": [one.subnet.within(one.gateway) for one in network.ranges],
        "subnets": [str(one.subnet) for one in network.ranges],
        "mtu": network.mtu,
        "internal": network.internal,
        "isolate": network.isolate,
        "apart": network.apart,
        "hostBinding": network.host_binding,
        "loopback6": loopback6 and not network.internal and any(one.subnet.version == 6 for one in network.ranges),
        "names": names,
    }


def up(links: Links, name: str, bridge: Mapping[str, Any]) -> None:
    """Makes a bridge. Its address is there at once: nobody else can have it."""
    mac = addresses.mac(*addresses.parse(bridge["addresses"][0].partition("/")[0]))
    links.add_bridge(name, mac, bridge["mtu"])
    if not any(":" in one for one in bridge["addresses"]):
        links.no_address_of_its_own(name)
    for one in bridge["addresses"]:
        links.add_address(name, one)
    links.up(name)
    if bridge["loopback6"]:
        # Replies for ::1 that come in here are looked for on this interface alone. One route each, by its metric.
        links.take_for_own(name, "::1", 4096 + binascii.crc32(name.encode()) % 61440)


def configure(
    links: Links, inside: str, ips: Sequence[Mapping[str, Any]], routes: Sequence[Mapping[str, Any]]
) -> None:
    """The container's side: addresses, then the routes."""
    links.up("lo")
    if not any(":" in ip["address"] for ip in ips):
        links.no_address_of_its_own(inside)
    for ip in ips:
        links.add_address(inside, ip["address"])
    links.up(inside)
    for route in routes:
        links.add_route(inside, route["dst"], route["gw"])
