"""A container's networks: attached before its process starts, detached at its end. What the rest of ocipipe uses.

    with namespaces.Namespace(run_root, container_id) as namespace:      # RUN_ROOT/netns/ID, for config.json
        attached = attach(store, run_root, env, container_id, names, namespace.path, wanted, ports)
        …the runtime creates the container, which joins the namespace…
    # the namespace lives as long as the container's processes do, and its interfaces with it

    detach(store, run_root, env, container_id)                           # at the end, also if nothing is there any more

All that is attached is in one document, RUN_ROOT/networks/state.json, changed under one kernel lock and gone with a
reboot as the interfaces are. A change is written there before it is made: a killed command leaves a record that the
next one, or `net-check`, holds against what the kernel has. What the kernel has no more is free again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_spec.jsondoc import Document

    from ..store.store import Store
    from .ports import Port


class Wanted:
    """One network that a container wants to be on.

    network     its name ("ocipipe" is the default one, which exists without being made)
    aliases     names that it has there beside its own
    ip, ip6     the address that it wants, '' for the next free one
    mac         the hardware address that it wants, '' for one made of the IP address
    interface   the interface's name in the container, '' for the next of eth0, eth1, …
    """

    __slots__ = ("aliases", "interface", "ip", "ip6", "mac", "network")

    def __init__(
        self,
        network: str,
        aliases: Sequence[str] = (),
        ip: str = "",
        ip6: str = "",
        mac: str = "",
        interface: str = "",
    ) -> None:
        self.network = network
        self.aliases = tuple(aliases)
        self.ip = ip
        self.ip6 = ip6
        self.mac = mac
        self.interface = interface


class Attached:
    """What a container has got.

    results     a CNI result (schema attachment) for each network, in the order wanted; `dns` says what resolv.conf is
                to hold, `ips` what the container's own name is in /etc/hosts
    ports       the published ports, each with the one port of the host that it has
    warnings    what will not work as hoped, for people: a firewall of somebody else that drops all
    """

    __slots__ = ("ports", "results", "warnings")

    def __init__(self, results: list[Document], ports: list[Port], warnings: list[str]) -> None:
        self.results = results
        self.ports = ports
        self.warnings = warnings


def attach(
    store: Store,
    run_root: str,
    env: Mapping[str, str],
    container_id: str,
    names: Sequence[str],
    netns_path: str,
    wanted: Sequence[Wanted],
    ports: Sequence[Port] = (),
) -> Attached:
    """Puts a container on networks. When it returns, all is there: interfaces, firewall, names.

    `names` are what it is found by on networks with names: its name first (reverse look-ups give that one), then more;
    its short id is added. `netns_path` is its network namespace. A container that is attached already gets these
    networks in addition (net-connect); `ports` then must be empty.

    All is checked before anything is changed. Raises NotFound for a network that there is not; Conflict for an address
    or a port in use and for a network that it is on already; UsageError for an address outside of the subnet;
    Unsupported for ports where no network could have them; Unavailable where the host lacks a part (iproute2, nftables,
    aardvark-dns, a CNI plugin) or the kernel refuses. After an exception nothing of it is left.
    """
    raise NotImplementedError


def detach(
    store: Store, run_root: str, env: Mapping[str, str], container_id: str, networks: Sequence[str] | None = None
) -> None:
    """Takes a container off its networks, or off some by name: interfaces, ports, names, addresses; and what a network
    has on the host, when that was its last container. Nothing to do for one that is on none. A crash half-way leaves
    what the next call takes away."""
    raise NotImplementedError


def attached(run_root: str, container_id: str) -> Attached | None:
    """What a container has at this moment, without a look at the kernel; None when it is on no network."""
    raise NotImplementedError
