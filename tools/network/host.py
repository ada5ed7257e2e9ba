"""The host's side of networking as /proc has it: interfaces, routes, resolvers, kernel settings.

Forwarding. Containers need the host to forward packets. Where it did not, turning that on would make a router of it:
the interfaces that it had then are remembered, and the firewall keeps on forwarding nothing between them. With the last
network it is turned off again, unless an interface has come since whose owner may count on it.
"""

from __future__ import annotations

import os

from ..errors import Unavailable
from .addresses import Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .state import State

_SWITCHES = {4: "/proc/sys/net/ipv4/ip_forward", 6: "/proc/sys/net/ipv6/conf/all/forwarding"}
_RESOLVED = "/run/systemd/resolve/resolv.conf"
_RTF_UP, _RTF_REJECT = 1, 0x200


def interfaces() -> set[str]:
    """The names of all interfaces of the network namespace that we are in."""
    with open("/proc/thread-self/net/dev", encoding="utf-8", errors="replace") as file:
        return {line.partition(":")[0].strip() for line in file if ":" in line}


def routes() -> Iterator[tuple[Subnet, str]]:
    """Every subnet that a route leads to, with its interface; default routes are none."""
    for fields in _lines("/proc/thread-self/net/route"):
        if len(fields) > 7 and fields[1] != "Destination" and int(fields[3], 16) & _RTF_UP:
            first, mask = (int.from_bytes(bytes.fromhex(fields[place])[::-1], "big") for place in (1, 7))
            if mask:
                yield Subnet(4, first, mask.bit_count()), fields[0]
    for fields in _lines("/proc/thread-self/net/ipv6_route"):
        length = int(fields[1], 16)
        if length and fields[9] != "lo" and not int(fields[8], 16) & _RTF_REJECT:
            found = Subnet(6, int(fields[0], 16), length)
            if found.first >> 118 != 0xFE80 >> 6 and found.first >> 120 != 0xFF:  # link-local, multicast
                yield found, fields[9]


def _lines(path: str) -> Iterator[list[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from (line.split() for line in file)
    except FileNotFoundError:  # a kernel without IPv6
        return


def in_use(wanted: Subnet, besides: str) -> str:
    """The interface, other than `besides`, through which a route leads into a subnet; '' when there is none."""
    return next((name for subnet, name in routes() if name != besides and subnet.overlaps(wanted)), "")


def has_ipv6() -> bool:
    """Whether the kernel speaks IPv6, and nobody has turned it off."""
    return _read("/proc/sys/net/ipv6/conf/all/disable_ipv6") == "0"


def bridges_call_ip6tables() -> bool:
    """Whether what goes over a bridge passes the firewall's IPv6 rules there already (br_netfilter). Replies for ::1
    are lost then: the kernel takes them for forged."""
    return _read("/proc/sys/net/bridge/bridge-nf-call-ip6tables") == "1"


def forwards(version: int) -> bool:
    """Whether the host forwards packets; also where the kernel has no such version of IP."""
    return _read(_SWITCHES[version]) != "0"


def forward(version: int) -> None:
    """Turns forwarding on."""
    if version == 6:
        # Routers take no advertisements of others, so the host would lose its own way out.
        for name in os.listdir("/proc/sys/net/ipv6/conf"):
            accepts = f"/proc/sys/net/ipv6/conf/{name}/accept_ra"
            if name != "all" and _read(accepts) == "1":
                write(accepts, "2")
    write(_SWITCHES[version], "1")


def forward_no_more(state: State) -> None:
    """The last network is gone: forwarding is as it was, where nobody else has come to need it."""
    for version, known in state.forwarding.items():
        if interfaces() <= {"lo", *known}:
            write(_SWITCHES[int(version)], "0")
            if version == "6":
                for name in known:
                    accepts = f"/proc/sys/net/ipv6/conf/{name}/accept_ra"
                    if _read(accepts) == "2":
                        write(accepts, "1")
    state.forwarding = {}


def route_loopback(bridge: str) -> None:
    """Lets replies for 127.0.0.1 come in over a bridge (the firewall drops what is no reply)."""
    write(f"/proc/sys/net/ipv4/conf/{bridge}/route_localnet", "1")


def resolvers() -> tuple[list[str], list[str], list[str]]:
    """Name servers, search domains and options of the host (resolv.conf(5)).

    Those on its loopback are of no use in a container: where there are only such, the ones that systemd-resolved
    stands for are taken instead.
    """
    servers, search, options = _resolv_conf("/etc/resolv.conf")
    useful = [one for one in servers if not is_loopback(one)]
    if servers and not useful and os.path.exists(_RESOLVED):
        useful = [one for one in _resolv_conf(_RESOLVED)[0] if not is_loopback(one)]
    return useful, search, options


def asks_itself() -> bool:
    """Whether all name servers of the host are on its loopback, and nobody knows whom they ask."""
    return bool(_resolv_conf("/etc/resolv.conf")[0]) and not resolvers()[0]


def is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _resolv_conf(path: str) -> tuple[list[str], list[str], list[str]]:
    found: dict[str, list[str]] = {"nameserver": [], "search": [], "options": []}
    for line in _read(path).splitlines():
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        key = "search" if words[0] == "domain" else words[0]
        if key == "nameserver":
            found[key] += words[1:2]
        elif key in found:
            found[key] = words[1:]
    return found["nameserver"], found["search"], found["options"]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def write(path: str, value: str) -> None:
    """Sets a kernel parameter. Raises Unavailable."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise Unavailable(
            path,
            f"cannot be set to {value}: {os.strerror(error.errno or 0).lower()}",
            "run where /proc/sys is writable",
        ) from None
