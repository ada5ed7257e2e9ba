"""The rules of our networks: one nftables table, `inet ocipipe-NUMBER`, whose chains never change. Pure.

All that comes and goes is an element of its sets and maps, so that a change is one small transaction whatever else is
there, and can be taken back without a look at the rules.

Rules of a table never lift what another table's drop: what the administrator closes stays closed. Three more things
are never opened: what was not forwarded between the host's own interfaces before we needed forwarding (`closed`), the
host's own 127.0.0.0/8, which bridges could reach once they carry replies for it, and what is published on 127.0.0.1
for a neighbour that addresses its packets so.

    container to the outside     masqueraded, unless the network is internal
    outside, host, container     a published port leads to the container (publish); the sender is kept, but for
      to a published port        connections that the container would answer past us: from the host's loopback, and
                                 from containers on a bridge of ours
    network to network           refused, but for published ports; isolated ones those too
    container to container       on one bridge: accepted, unless they are to be apart; the bridge itself keeps these
                                 so, and the firewall what they would send one another through the host
    outside to a container       dropped, but for published ports
"""

from __future__ import annotations

import binascii
import os

from . import addresses, names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from .state import State

    Elements = Mapping[str, str]

KINDS = {
    "bridges": "set type ifname;",
    "within": "set type ifname . ifname;",
    "internal": "set type ifname;",
    "isolated": "set type ifname;",
    "closed": "set type ifname;",
    "loopback6": "set type ipv6_addr;",
    "subnets4": "set type ipv4_addr; flags interval;",
    "subnets6": "set type ipv6_addr; flags interval;",
    "any4": "map type inet_proto . inet_service : ipv4_addr . inet_service;",
    "any6": "map type inet_proto . inet_service : ipv6_addr . inet_service;",
    "bound4": "map type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;",
    "bound6": "map type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service;",
}
"""The sets and maps, by name."""

_CHAINS = """
chain publish {
    ip6 daddr ::1 ip6 daddr != @loopback6 return
    dnat ip to ip daddr . meta l4proto . th dport map @bound4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @bound6
    dnat ip to meta l4proto . th dport map @any4
    dnat ip6 to meta l4proto . th dport map @any6
}
chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 return
    fib daddr type local jump publish
}
chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
}
chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname @bridges ip saddr 127.0.0.0/8 masquerade
    oifname @bridges ip6 saddr ::1 masquerade
    oifname @bridges ip saddr @subnets4 ct status dnat masquerade
    oifname @bridges ip6 saddr @subnets6 ct status dnat masquerade
    oifname != @bridges ip saddr @subnets4 ip daddr != 224.0.0.0/4 masquerade
    oifname != @bridges ip6 saddr @subnets6 ip6 daddr != ff00::/8 masquerade
}
chain loopback {
    type filter hook prerouting priority -300; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
}
chain forward {
    type filter hook forward priority 0; policy accept;
    iifname . oifname @within accept
    iifname @internal reject with icmpx admin-prohibited
    oifname @internal drop
    iifname @bridges oifname @isolated reject with icmpx admin-prohibited
    iifname @isolated oifname @bridges reject with icmpx admin-prohibited
    ct state established,related accept
    iifname @closed oifname @closed drop
    oifname @bridges ct status dnat accept
    iifname @bridges oifname @bridges reject with icmpx admin-prohibited
    oifname @bridges drop
}
"""


def table_of(run_root: str) -> str:
    """The table's name: one for each place where run-time state is kept, so that two never meet."""
    return f"ocipipe-{binascii.crc32(os.fsencode(run_root)):08x}"


def elements(state: State) -> dict[tuple[str, str], str]:
    """(set or map, key) -> value ('' in a set) of all that the state says."""
    return {(name, key): value for name, key, value in _elements(state)}


def _elements(state: State) -> Iterator[tuple[str, str, str]]:
    for interface, bridge in state.bridges.items():
        name = f'"{interface}"'
        yield "bridges", name, ""
        if not bridge.get("apart"):
            yield "within", f"{name} . {name}", ""
        if bridge["internal"]:
            yield "internal", name, ""
        if bridge["isolate"]:
            yield "isolated", name, ""
        for subnet in bridge["subnets"]:
            if not bridge["internal"]:
                yield f"subnets{6 if ':' in subnet else 4}", subnet, ""
        if bridge["loopback6"]:
            yield "loopback6", "::1", ""
        for address in names.listening(bridge):
            for protocol in ("udp", "tcp"):
                key = f"{address} . {protocol} . {names.PORT}"
                yield f"bound{6 if ':' in address else 4}", key, f"{address} . {state.service['port']}"
    for closed in state.forwarding.values():
        for interface in closed:
            yield "closed", f'"{interface}"', ""
    for container in state.containers.values():
        for port in container["ports"]:
            yield from _port(port, targets(state, container))


def _port(port: Mapping[str, Any], targets: Mapping[int, str]) -> Iterator[tuple[str, str, str]]:
    wanted = port.get("hostIP") or ""
    for version, target in targets.items():
        key = f"{port['protocol']} . {port['hostPort']}"
        value = f"{target} . {port['containerPort']}"
        if wanted in ("", "0.0.0.0" if version == 4 else "::"):
            yield f"any{version}", key, value
        elif addresses.parse(wanted)[0] == version:
            yield f"bound{version}", f"{wanted} . {key}", value


def targets(state: State, container: Mapping[str, Any]) -> dict[int, str]:
    """The addresses that a container's published ports lead to, by version of IP: those on its first bridge that leads
    outside, and what that lacks on the next."""
    found: dict[int, str] = {}
    for one in container["attachments"]:
        bridge = state.bridges.get(one["bridge"])
        if bridge and not bridge["internal"]:
            for ip in one["result"]["ips"]:
                address = ip["address"].partition("/")[0]
                found.setdefault(6 if ":" in address else 4, address)
    return found


def skeleton(run_root: str) -> Iterator[str]:
    """The table with its chains and no element."""
    yield f"table inet {table_of(run_root)} {{"
    yield f'comment "networks of ocipipe in {_quoted(run_root)}"'
    for name, kind in KINDS.items():
        word, _, rest = kind.partition(" ")
        yield f"{word} {name} {{ {rest} }}"
    yield _CHAINS
    yield "}"


def _quoted(text: str) -> str:
    """For a comment, which holds no quotes and at most 128 bytes."""
    return "".join(one if one.isprintable() and one not in '"\\' else "?" for one in text)[-80:]


def changes(run_root: str, before: State, after: State) -> list[str]:
    """One transaction from one state's rules to another's; nothing when they are the same."""
    table = table_of(run_root)
    if not after.bridges:
        return [f"delete table inet {table}"] if before.bridges else []
    old, new = elements(before) if before.bridges else {}, elements(after)
    lines = [] if before.bridges else list(skeleton(run_root))
    for (name, key), value in old.items():
        if new.get((name, key)) != value:
            lines.append(f"delete element inet {table} {name} {{ {key} }}")
    lines += added(table, {place: value for place, value in new.items() if old.get(place) != value})
    return lines


def whole(run_root: str, state: State) -> list[str]:
    """One transaction after which the rules are those of the state, whatever was there."""
    table = table_of(run_root)
    gone = [f"table inet {table}", f"delete table inet {table}"]
    return [*gone, *skeleton(run_root), *added(table, elements(state))] if state.bridges else gone


def added(table: str, new: Mapping[tuple[str, str], str]) -> list[str]:
    """The commands that add elements, one for each set."""
    listed: dict[str, list[str]] = {}
    for (name, key), value in new.items():
        listed.setdefault(name, []).append(f"{key} : {value}" if value else key)
    return [f"add element inet {table} {name} {{ {', '.join(keys)} }}" for name, keys in listed.items()]
