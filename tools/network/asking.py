"""What a container asks of networks, and the state in which it has it: made up first, changed on the host after."""

from __future__ import annotations

import os

from ..errors import Conflict, Unsupported, UsageError
from . import addresses, bindings, bridge, change, cni, conflist, firewall, host, names
from .ports import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .conflist import Network
    from .state import Held, State


class Wanted:
    """One network that a container wants to be on.

    network     its name ("ocipipe" is the default one, which exists without being made)
    aliases     names that it has there beside its own
    ip, ip6     the address that it wants, '' for the next free one
    mac         the hardware address that it wants, '' for one made of the IP address
    interface   the interface's name in the container, '' for the next of eth0, eth1, … (or as the network has it)
    link_local  addresses that it has beside these, which are of this network alone (RFC 3927, RFC 4291)
    """

    __slots__ = ("aliases", "interface", "ip", "ip6", "link_local", "mac", "network")

    def __init__(
        self,
        network: str,
        aliases: Sequence[str] = (),
        ip: str = "",
        ip6: str = "",
        mac: str = "",
        interface: str = "",
        link_local: Sequence[str] = (),
    ) -> None:
        self.link_local = tuple(link_local)
        self.network = network
        self.aliases = tuple(aliases)
        self.ip = ip
        self.ip6 = ip6
        self.mac = mac
        self.interface = interface


class Request:
    """The state as it is to be, made up network by network; nothing outside of it is changed."""

    def __init__(
        self, after: State, there: set[str], container_id: str, known_as: Sequence[str], namespace: str,
        dns: Sequence[str], env: Mapping[str, str],
    ) -> None:  # fmt: skip
        self.after = after
        self.made: list[dict[str, Any]] = []
        self.plugs: list[change.Plug] = []
        self.ports: list[Port] = []
        self.holds = bindings.Holds()
        self._there = there
        self._id = container_id
        self._known_as = list(known_as)
        self._namespace = namespace
        self._dns = list(dns)
        self._env = env
        self._container = after.containers.setdefault(container_id, {"attachments": [], "ports": []})

    def add(self, network: Network, wanted: Wanted) -> None:
        """One network more. Raises Conflict for one that the container is on."""
        existing = self._container["attachments"]
        if any(one["network"] == network.name for one in existing):
            raise Conflict(network.name, f"container {self._id[:12]} is on this network", "net-disconnect takes it off")
        taken = [one["interface"] for one in existing]
        interface = _interface(wanted.interface, taken, network.interface_prefix)
        ips, mac = self._addresses(network, wanted)
        attachment: dict[str, Any] = {
            "network": network.name,
            "bridge": network.bridge,
            "host": "",
            "interface": interface,
            "names": list(dict.fromkeys([*self._known_as, *wanted.aliases, self._id[:12]])),
            "nameservers": self._dns or network.nameservers,
            **({"linkLocal": self._link_local(network, wanted)} if wanted.link_local else {}),
        }
        result: Document = {"cniVersion": conflist.VERSION, "name": network.name, "interfaces": [], "ips": ips}
        if network.driver == "bridge":
            self._bridge(network)
            attachment["host"] = _host_name(self._id, {one["host"] for one in existing})
            result["interfaces"] = [
                {"name": network.bridge},
                {"name": attachment["host"]},
                {"name": interface, "mac": mac, "sandbox": self._namespace},
            ]
            result["routes"] = self._routes(network)
            self.plugs.append(change.Plug(attachment, self._namespace, mac, network.mtu))
        else:
            cni.check(network.document, self._env)
            result["interfaces"] = [{"name": interface, "sandbox": self._namespace}]
            attachment |= {"conflist": network.document, "mac": wanted.mac}
        result["dns"] = self._resolving(network)
        attachment["result"] = result
        existing.append(attachment)
        self.made.append(attachment)

    def _link_local(self, network: Network, wanted: Wanted) -> list[str]:
        """The addresses with their lengths, as an interface has them."""
        if network.driver != "bridge":
            raise Unsupported(wanted.link_local[0], f"network {network.name} is made by a CNI plugin", "use a bridge")
        there = {one for _, each in self.after.attachments(network.name) for one in each.get("linkLocal") or ()}
        found = [addresses.link_local(text) for text in wanted.link_local]
        for text in there.intersection(found):
            raise Conflict(text, f"is another container's on network {network.name}", "choose another address")
        return list(dict.fromkeys(found))

    def _bridge(self, network: Network) -> None:
        if network.bridge in self.after.bridges:
            return
        if any(one.subnet.version == 6 for one in network.ranges) and not host.has_ipv6():
            raise Unsupported(network.name, "has IPv6, and this host has it turned off", "use a network without")
        from .networks import check_unused

        if network.bridge in self._there:
            raise Conflict(
                network.bridge, "an interface of this name is there, and not ours", "rename it, or name another bridge"
            )
        for subnet in network.subnets:
            check_unused(subnet, network.bridge)
        works = host.has_ipv6() and not host.bridges_call_ip6tables()
        named = network.names or self._needs_a_resolver(network)
        self.after.bridges[network.bridge] = bridge.described(network, loopback6=works, names=named)

    def _needs_a_resolver(self, network: Network) -> bool:
        """Whether a network without names is in need of the service all the same: where the host's own name server is
        on its loopback, only what runs on the host can ask it."""
        if self._dns or network.nameservers or not host.asks_itself():
            return False
        return names.is_there(self._env)

    def _addresses(self, network: Network, wanted: Wanted) -> tuple[list[dict[str, object]], str]:
        """An address of each version that the network has, and the hardware address."""
        taken = {
            addresses.parse(ip["address"].partition("/")[0])
            for _, one in self.after.attachments(network.name)
            for ip in one["result"]["ips"]
        }
        ips: list[dict[str, object]] = []
        chosen = []
        for version, asked, option in ((4, wanted.ip, "--ip"), (6, wanted.ip6, "--ip6")):
            one = network.range(version)
            if one is None:
                if asked:
                    raise UsageError(f"{option} {asked}", f"network {network.name} has no addresses of IPv{version}")
                continue
            kept = {number for known, number in network.reserved if known == version}
            busy = {number for known, number in taken if known == version} | {one.gateway}
            if asked:
                number = _asked(one, asked, busy, kept, network.name)
            else:
                number = self._next(network, one, busy | kept)
            chosen.append((version, number))
            ips.append({
                "address": one.subnet.within(number),
                **({} if network.internal else {"gateway": addresses.text(version, one.gateway)}),
                "interface": 2 if network.driver == "bridge" else 0,
            })  # fmt: skip
        if wanted.mac:
            return ips, addresses.check_mac(wanted.mac)
        return ips, addresses.mac(*chosen[0]) if chosen else ""

    def _next(self, network: Network, one: conflist.Range, busy: set[int]) -> int:
        key = f"{network.name}/{one.subnet.version}"
        last = self.after.given.get(key)
        number = addresses.next_address(one.usable, busy, addresses.parse(last)[1] if last else None)
        if number is None:
            raise Conflict(
                network.name, f"no address of {one.subnet} is free", "make a larger network, or remove containers"
            )
        self.after.given[key] = addresses.text(one.subnet.version, number)
        return number

    def _routes(self, network: Network) -> list[dict[str, object]]:
        """The ways out, where the container has none yet."""
        there = {route["dst"] for one in self._container["attachments"] for route in one["result"].get("routes") or ()}
        found: list[dict[str, object]] = []
        for one in network.ranges if not network.internal else ():
            destination = "0.0.0.0/0" if one.subnet.version == 4 else "::/0"
            if destination not in there:
                found.append({"dst": destination, "gw": addresses.text(one.subnet.version, one.gateway)})
        return found

    def _resolving(self, network: Network) -> dict[str, object]:
        """For resolv.conf: our service of names, which asks others for the rest; else whom it would ask."""
        servers, search, options = host.resolvers()
        listening = names.listening(self.after.bridges[network.bridge]) if network.bridge else []
        if network.names or (listening and not (self._dns or network.nameservers)):
            servers = listening
        else:
            servers = self._dns or network.nameservers or servers
        return {"nameservers": servers, "search": search, "options": options}

    def publish(self, wanted: Sequence[Port]) -> None:
        """Chooses the host's ports. Raises Conflict for a container that has them, Unsupported, UsageError."""
        if not wanted:
            return
        wanted = self._bound(wanted)
        if self._container["ports"]:
            raise Conflict(self._id[:12], "has its published ports already", "publish when it is made")
        versions = sorted(firewall.targets(self.after, self._container))
        by_plugins = any(cni.takes_ports(one["conflist"]) for one in self.made if "conflist" in one)
        if not versions and not by_plugins:
            raise Unsupported(
                f"-p {wanted[0]}",
                "no network of the container can publish a port",
                "use a bridge that is not --internal",
            )
        for port in wanted:
            if versions and not set(port.versions) & set(versions):
                raise UsageError(f"-p {port}", "the container has no address of this version of IP", "make it --ipv6")
        taken = [Port.of(one) for other in self.after.containers.values() for one in other["ports"]]
        seed = int.from_bytes(os.urandom(2), "big")
        self.ports = bindings.choose(wanted, taken, versions or (4, 6), seed, self.holds)
        self._container["ports"] = [one.document for one in self.ports]

    def keep(self, ports: Sequence[Port]) -> None:
        """Its ports are those that it has on the host, held by whoever runs it, unless nothing could lead to them."""
        if firewall.targets(self.after, self._container):
            self._container["ports"] = [one.document for one in ports]

    def _bound(self, wanted: Sequence[Port]) -> list[Port]:
        """The ports that name no address, at that of the network that they lead to."""
        bridges = [self.after.bridges.get(one["bridge"]) for one in self._container["attachments"]]
        outward = next((one for one in bridges if one and not one["internal"]), None)
        address = (outward or {}).get("hostBinding") or ""
        return [
            one if one.host_ip else Port(address, one.low, one.high, one.container, one.protocol) for one in wanted
        ]

    def run_plugins(self, held: Held) -> None:
        """Lets CNI plugins make what they are to; their results are the attachments'."""
        theirs = [one for one in self.made if "conflist" in one]
        for one in theirs:
            ports = self._container["ports"] if cni.takes_ports(one["conflist"]) else ()
            asked = cni.Request(
                self._id, self._namespace, one["interface"],
                [{key: ip[key] for key in ("address", "gateway") if key in ip} for ip in one["result"]["ips"]],
                one["mac"], ports,
            )  # fmt: skip
            found = cni.add(one["conflist"], asked, self._env)
            one["result"] = {**found, "dns": {**one["result"]["dns"], **(found.get("dns") or {})}}  # type: ignore[dict-item]
        if theirs:
            held.write()


def _interface(wanted: str, taken: Sequence[str], prefix: str) -> str:
    if wanted:
        if len(wanted) > 15 or not wanted.isprintable() or set(wanted) & set("/ :") or wanted in (".", "..", "lo"):
            raise UsageError(wanted, "is no name of an interface", "at most 15 characters, like eth0")
        if wanted in taken:
            raise Conflict(wanted, "the container has an interface of this name", "name another")
        return wanted
    return next(name for name in (f"{prefix}{number}" for number in range(len(taken) + 1)) if name not in taken)


def _host_name(container_id: str, taken: set[str]) -> str:
    """The host's end of the cable: at most 15 characters."""
    return next(name for name in (f"oc{container_id[:10]}{n:x}" for n in range(len(taken) + 1)) if name not in taken)


def _asked(one: conflist.Range, text: str, busy: set[int], kept: set[int], network: str) -> int:
    number = conflist.inside(one.subnet, text, "address")
    if number == one.gateway:
        raise Conflict(text, f"is the gateway of network {network}", "choose another address")
    if number in kept:
        raise Conflict(text, f"is kept free on network {network}", "choose another address")
    if number in busy:
        raise Conflict(text, f"is another container's on network {network}", "choose another address")
    return number
