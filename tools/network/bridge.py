"""Bridges and what hangs on them, as commands for `ip -batch`. Pure.

The host's side and the container's are two batches, each one process: a process has one network namespace.
"""

from __future__ import annotations

import binascii

from . import addresses
from .addresses import Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .conflist import Network

_GROUP = 0x6F63
"""Devices of one group are deleted at once: each alone costs two grace periods of the kernel's."""


def described(network: Network, *, loopback6: bool, names: bool) -> dict[str, Any]:
    """What the state keeps of a bridge that is up: all that making it again and the firewall take. `names`: whether
    the service of names listens at its gateway."""
    return {
        "network": network.name,
        "addresses": [one.subnet.within(one.gateway) for one in network.ranges],
        "subnets": [str(one.subnet) for one in network.ranges],
        "mtu": network.mtu,
        "internal": network.internal,
        "isolate": network.isolate,
        "loopback6": loopback6 and not network.internal and any(one.subnet.version == 6 for one in network.ranges),
        "names": names,
    }


def up(name: str, bridge: Mapping[str, Any]) -> list[str]:
    """Makes a bridge. Its address is there at once: nobody else can have it."""
    mtu = f" mtu {bridge['mtu']}" if bridge["mtu"] else ""
    mac = addresses.mac(*addresses.parse(bridge["addresses"][0].partition("/")[0]))
    six = any(":" in one for one in bridge["addresses"])
    lines = [f"link add {name} address {mac}{mtu} type bridge"]
    if not six:
        lines.append(f"link set {name} addrgenmode none")
    lines += [f"addr add {one} dev {name}{' nodad' if ':' in one else ' broadcast +'}" for one in bridge["addresses"]]
    lines.append(f"link set {name} up")
    if bridge["loopback6"]:
        # Replies for ::1 that come in here are looked for on this interface alone. One route each, by its metric.
        metric = 4096 + binascii.crc32(name.encode()) % 61440
        lines.append(f"route add local ::1 dev {name} table local metric {metric}")
    return lines


def down(names: Sequence[str]) -> list[str]:
    """Deletes interfaces, all at once; with -force, as some may be gone."""
    return [*(f"link set {name} group {_GROUP}" for name in names), f"link del group {_GROUP}"]


def plug(host: str, bridge: str, namespace: str, inside: str, mac: str, mtu: int) -> list[str]:
    """A cable from a bridge into a namespace, with its far end under the name `inside`, down yet."""
    size = f" mtu {mtu}" if mtu else ""
    return [
        f"link add {host}{size} type veth peer name {inside} address {mac}{size} netns {namespace}",
        f"link set {host} addrgenmode none",
        *plug_again(host, bridge),
    ]


def plug_again(host: str, bridge: str) -> list[str]:
    """The near end of a cable put on its bridge. With `hairpin` a container reaches itself through its published port
    also where bridges call the firewall."""
    return [f"link set {host} master {bridge} up", f"link set {host} type bridge_slave hairpin on"]


def configure(inside: str, ips: Sequence[Mapping[str, Any]], routes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The container's side: addresses, then the routes."""
    lines = ["link set lo up"]
    if not any(":" in ip["address"] for ip in ips):
        lines.append(f"link set {inside} addrgenmode none")
    lines += [f"addr add {ip['address']} dev {inside}{_how(ip['address'])}" for ip in ips]
    lines.append(f"link set {inside} up")
    lines += [f"route add {route['dst']} via {route['gw']} dev {inside}" for route in routes]
    return lines


def _how(address: str) -> str:
    return " nodad" if ":" in address else " broadcast +" if Subnet.parse(address, host=True).length < 31 else ""
