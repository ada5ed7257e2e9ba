"""A container's networks: attached before its process starts, detached at its end. What the rest of ocipipe uses.

    with namespaces.Namespace(run_root, container_id) as namespace:      # RUN_ROOT/netns/ID, for config.json
        attached = attach(store, run_root, env, container_id, [name], namespace.path, wanted, ports)
        …the runtime creates the container, which joins the namespace…
    # the namespace lives as long as the container's processes do, and its interfaces with it

    detach(run_root, env, container_id)                                  # at the end, also if nothing is there any more

All that is attached is in one document, RUN_ROOT/networks/state.json, changed under one kernel lock and gone with a
reboot as the interfaces are. A change is written there before it is made: a killed command leaves a record that the
next one, or `net-check`, holds against what the kernel has. What the kernel has no more is free again.
"""

from __future__ import annotations

import os

from ..errors import OcipipeError
from . import change, cni, host, mend, state
from .asking import Request, Wanted
from .bindings import Holds
from .ports import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.store import Store


class Attached:
    """What a container has got.

    results     a CNI result (schema attachment) for each network, in the order wanted; `dns` says what resolv.conf is
                to hold, `ips` what the container's own name is in /etc/hosts
    ports       the published ports, each with the one port of the host that it has
    warnings    what will not work as hoped, for people: a firewall of somebody else that drops all
    holds       what holds the ports for as long as it is open: whoever runs the container is to keep it
    """

    __slots__ = ("holds", "ports", "results", "warnings")

    def __init__(self, results: list[Document], ports: list[Port], warnings: list[str], holds: Holds) -> None:
        self.results = results
        self.ports = ports
        self.warnings = warnings
        self.holds = holds


def attach(
    store: Store,
    run_root: str,
    env: Mapping[str, str],
    container_id: str,
    known_as: Sequence[str],
    namespace: str,
    wanted: Sequence[Wanted],
    ports: Sequence[Port] = (),
    dns: Sequence[str] = (),
    *,
    more: bool = False,
) -> Attached:
    """Puts a container on networks. When it returns, all is there: interfaces, firewall, names.

    `known_as` are the names that it is found by on networks with names: its own first (reverse look-ups give that one),
    then more; its short id is added. `namespace` is the path of its network namespace. `dns` are name servers of its
    own, for what is no container's name. With `more` (net-connect), a container that runs already gets these networks
    in addition, and `ports` are those that it has on the host: they lead to it again where it was on no network.

    All is checked before anything is changed. Raises NotFound for a network that there is not; Conflict for an address
    or a port in use and for a network that it is on already; UsageError for an address outside of the subnet;
    Unsupported for ports where no network could have them; Unavailable where the host lacks a part (nftables,
    aardvark-dns, a CNI plugin) or the kernel refuses. After an exception nothing of it is left.
    """
    from .networks import Networks

    networks = Networks(store)
    with state.Held(run_root) as held:
        there = host.interfaces()
        if held.state.changing or mend.is_left(held.state, there):
            mend.mend(held, env)
            there = host.interfaces()
        request = Request(mend.living(held.state, there), there, container_id, known_as, namespace, dns, env)
        try:
            for one in wanted:
                network = networks.find(one.network)
                request.add(network, one)
                networks.settle(network)
            if more:
                request.keep(ports)
            else:
                request.publish(ports)
            change.prepare(held, request.after, env)
            try:
                warnings = change.to(held, request.after, env, request.plugs)
                request.run_plugins(held)
            except BaseException:
                mend.take_back(held, env, container_id, request.made)
                raise
        except BaseException:
            request.holds.close()
            raise
        return Attached([one["result"] for one in request.made], request.ports, warnings, request.holds)


def detach(
    run_root: str, env: Mapping[str, str], container_id: str, networks: Sequence[str] | None = None
) -> list[str]:
    """Takes a container off its networks, or off some by name: interfaces, ports, names, addresses; and what a network
    has on the host, when that was its last container. What CNI plugins would not take away is returned, for people.

    The ways out that went through these lead through those that are left. Nothing to do for one that is on none. A
    crash half-way leaves what the next call takes away.
    """
    if container_id not in (known := state.read(run_root)).containers and not known.changing:
        return []
    with state.Held(run_root) as held:
        if held.state.changing:
            mend.mend(held, env)
        container = held.state.containers.get(container_id)
        if container is None:
            return []
        gone = [one for one in container["attachments"] if networks is None or one["network"] in networks]
        if not gone:
            return []
        failed = [words for one in gone if "conflist" in one for words in _unplug(container_id, one, container, env)]
        after = held.state.copy()
        after.containers[container_id]["attachments"] = [one for one in container["attachments"] if one not in gone]
        if not after.containers[container_id]["attachments"]:
            del after.containers[container_id]
        after = mend.living(after, host.interfaces())
        ways = list(_ways_out(after.containers.get(container_id, {"attachments": []}), gone))
        change.prepare(held, after, env)
        try:
            change.to(held, after, env)
        except OcipipeError:
            mend.mend(held, env)
        change.lead(ways)
    return failed


def _ways_out(container: Mapping[str, Any], gone: Sequence[Mapping[str, Any]]) -> Iterator[change.Way]:
    """Ways out in the place of those that went: noted in the results of the attachments that they lead through."""
    lost = _destinations(gone) - _destinations(container["attachments"])
    for one in container["attachments"]:
        for ip in one["result"]["ips"] if one["host"] else ():
            destination = "::/0" if ":" in ip["address"] else "0.0.0.0/0"
            if destination in lost and "gateway" in ip:
                lost.remove(destination)
                one["result"]["routes"].append({"dst": destination, "gw": ip["gateway"]})
                yield one, one["result"]["routes"][-1]


def _destinations(attachments: Iterable[Mapping[str, Any]]) -> set[str]:
    return {route["dst"] for one in attachments for route in one["result"].get("routes") or ()}


def _unplug(
    container_id: str, one: Mapping[str, Any], container: Mapping[str, Any], env: Mapping[str, str]
) -> list[str]:
    result = one["result"]
    sandbox = next((each["sandbox"] for each in result["interfaces"] if each.get("sandbox")), "")
    ports = container["ports"] if cni.takes_ports(one["conflist"]) else ()
    asked = cni.Request(
        container_id, sandbox if os.path.exists(sandbox) else "", one["interface"], result.get("ips") or (),
        one["mac"], ports,
    )  # fmt: skip
    return cni.remove(one["conflist"], asked, result, env)


def attached(run_root: str, container_id: str) -> Attached | None:
    """What a container has at this moment, without a look at the kernel; None when it is on no network."""
    container = state.read(run_root).containers.get(container_id)
    if container is None:
        return None
    results = [one["result"] for one in container["attachments"]]
    return Attached(results, [Port.of(one) for one in container["ports"]], [], Holds())
