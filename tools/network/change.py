"""From one state to another: what has come and gone is made so on the host, and nothing else is touched."""

from __future__ import annotations

import os

from . import bridge, firewall, foreign, host, names, namespaces, programs
from .links import Links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .state import Held, State

    Way = tuple[Mapping[str, Any], Mapping[str, str]]
    """An attachment, and a route that leads through its interface."""


class Plug:
    """An interface to be made: as the state's attachment, its container's namespace, whether routes lead through it."""

    __slots__ = ("attachment", "mac", "mtu", "namespace")

    def __init__(self, attachment: Mapping[str, Any], namespace: str, mac: str, mtu: int) -> None:
        self.attachment = attachment
        self.namespace = namespace
        self.mac = mac
        self.mtu = mtu


def number_of(run_root: str) -> str:
    """What tells our chains in others' tables from another run-time directory's."""
    return firewall.table_of(run_root).rpartition("-")[2]


def prepare(held: Held, after: State, env: Mapping[str, str]) -> None:
    """Notes in the new state what the host's own settings are to be for it. Raises Unavailable for what it lacks."""
    if after.bridges:
        programs.nft_path(env)
    service = names.Service(held.directory, env)
    if any(names.listening(one) for one in after.bridges.values()):
        names.program(env)
        after.service = {"port": service.port(after)}
    else:
        after.service = {}
    for version in forwarded(after):
        if str(version) not in after.forwarding and not host.forwards(version):
            after.forwarding[str(version)] = sorted(host.interfaces() - {"lo", *after.bridges})


def forwarded(state: State) -> set[int]:
    """The versions of IP that the host must forward."""
    subnets = [one for bridge in state.bridges.values() if not bridge["internal"] for one in bridge["subnets"]]
    return {6 if ":" in one else 4 for one in subnets}


def to(
    held: Held, after: State, env: Mapping[str, str], plugs: Sequence[Plug] = (), *, clean: bool = True
) -> list[str]:
    """Makes `after` true where the host is as `held.state` says, and writes it down; warnings for people.

    Unless `clean`, what is to go may be gone, and the firewall may be in any state. Raises Unavailable, with the state
    left marked as changing.
    """
    before, held.state = held.state, after
    run_root = os.path.dirname(held.directory)
    after.leaving = _leaving(before, after)
    held.write(changing=True)
    rebuilt = before.bridges.keys() != after.bridges.keys() or not clean
    generation = foreign.generation()
    known = clean and generation != 0 and generation == before.generation
    looks = foreign.look(env) if (rebuilt or plugs) and not known else None
    rules = firewall.changes(run_root, before, after) if clean else firewall.whole(run_root, after)
    filtering = programs.nft(rules, env) if rules else None
    try:
        if after.leaving:
            with Links() as links:
                links.delete(after.leaving)
        _come(before, after, plugs)
    finally:
        refused = filtering.result() if filtering else None
        seen = looks.result() if looks else None
    if refused and refused.status:
        if not clean:
            raise programs.failed("nft", refused, "the kernel needs nftables with NAT; --network none needs none")
        # Somebody has changed or flushed our table: what it was does not matter then.
        programs.nft(firewall.whole(run_root, after), env).done()
    overview = foreign.Overview(seen.stdout.decode("utf-8", "replace") if seen else "")
    is_open = known or (seen is not None and not seen.status and overview.is_open)
    ours = generation + (1 if rules else 0)  # by more, somebody else has changed something meanwhile
    after.generation = ours if is_open and foreign.generation() == ours else 0
    number = number_of(run_root)
    if rebuilt or overview.lacks(after, number):
        foreign.settle(overview, after, number, env)
    names.Service(held.directory, env).update(before if clean else _nothing(before), after)
    if not after.bridges and after.forwarding:
        host.forward_no_more(after)
    after.leaving = []
    held.write()
    if not plugs:
        return []
    return overview.warnings + (foreign.unknown_to_firewalld(after, env) if overview.firewalld else [])


def _nothing(state: State) -> State:
    found = state.copy()
    found.bridges, found.containers = {}, {}
    return found


def _leaving(before: State, after: State) -> list[str]:
    """The host's interfaces that are to go, those included that should have gone before."""
    kept = {one["host"] for container in after.containers.values() for one in container["attachments"]}
    old = [one["host"] for container in before.containers.values() for one in container["attachments"]]
    there = dict.fromkeys([*old, *before.bridges, *before.leaving])
    return [name for name in there if name and name not in kept and name not in after.bridges]


def _come(before: State, after: State, plugs: Sequence[Plug]) -> None:
    """Bridges that are new, and interfaces on bridges."""
    new = [name for name in after.bridges if name not in before.bridges]
    with Links() as links:
        for name in new:
            bridge.up(links, name, after.bridges[name])
        for plug in plugs:
            one = plug.attachment
            apart = bool(after.bridges[one["bridge"]].get("apart"))
            links.add_cable(
                one["host"], one["bridge"], plug.namespace, one["interface"], plug.mac, plug.mtu, apart=apart
            )
    for name in new:
        host.route_loopback(name)
    for version in forwarded(after):
        if not host.forwards(version):
            host.forward(version)
    for namespace in {plug.namespace for plug in plugs}:
        with namespaces.inside(namespace), Links() as links:
            for plug in plugs:
                result = plug.attachment["result"]
                more = [{"address": text} for text in plug.attachment.get("linkLocal") or ()]
                bridge.configure(links, plug.attachment["interface"], [*result["ips"], *more], result["routes"])


def lead(ways: Sequence[Way]) -> None:
    """Makes ways out in the namespace of a container, unless it has ended."""
    for one, route in ways:
        namespace = one["result"]["interfaces"][2]["sandbox"]
        if os.path.exists(namespace):
            with namespaces.inside(namespace), Links() as links:
                links.add_route(one["interface"], route["dst"], route["gw"])
