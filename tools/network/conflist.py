"""Networks as CNI network configuration lists (CNI 1.1, "Section 1: Network configuration format"). Pure.

A bridge network's list is one that CNI's own plugins could run: `bridge` with `host-local` addresses, then `portmap`.
What CNI has no word for stands in the first plugin's `args` (conventions: per-plugin metadata) under `org.ocipipe`:

    labels      the user's
    internal    no way out, no published ports
    isolate     not even published ports are reached from other networks
    names       containers find one another by name
    nameservers where names that no container has are looked up, instead of at the host's resolvers
    reserved    addresses that no container gets
    hostBinding the host's address that ports are published on which name none
    interfacePrefix  what interfaces in containers are called, before their number, instead of eth
    created     RFC 3339
"""

from __future__ import annotations

from oci_spec import validate
from oci_spec.jsondoc import FormatError

from ..errors import UsageError
from . import addresses
from .addresses import Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

VERSION = "1.1.0"
DEFAULT = "ocipipe"
OWN = "org.ocipipe"
_BRIDGE_KEYS = frozenset(
    "type bridge isGateway isDefaultGateway ipMasq hairpinMode mtu ipam args capabilities forceAddress "
    "portIsolation".split()
)
_BESIDE = frozenset(("portmap", "firewall"))
"""Plugins that may follow a bridge of ours: what they do, we do."""


class Range:
    """The addresses of one subnet: its gateway, and those that containers get, as numbers."""

    __slots__ = ("gateway", "subnet", "usable")

    def __init__(self, subnet: Subnet, gateway: int, usable: range) -> None:
        self.subnet = subnet
        self.gateway = gateway
        self.usable = usable


class Network:
    """A network as its document says. Raises UsageError where the document contradicts itself."""

    __slots__ = (
        "apart", "bridge", "document", "driver", "host_binding", "interface_prefix", "internal", "isolate", "mtu",
        "name", "names", "nameservers", "ranges", "reserved",
    )  # fmt: skip

    def __init__(self, document: Document) -> None:
        self.document = document
        self.name = str(document["name"])
        plugins: Sequence[Mapping[str, Any]] = document["plugins"]  # type: ignore[assignment]
        first = plugins[0]
        own = (first.get("args") or {}).get(OWN) or {}
        self.driver = _driver(plugins)
        self.bridge = str(first.get("bridge") or "") if self.driver == "bridge" else ""
        self.internal = bool(own.get("internal"))
        self.isolate = bool(own.get("isolate"))
        self.apart = bool(first.get("portIsolation"))
        self.host_binding = str(own.get("hostBinding") or "")
        self.interface_prefix = str(own.get("interfacePrefix") or "eth")
        self.names = bool(own.get("names")) and self.driver == "bridge"
        self.nameservers: list[str] = list(own.get("nameservers") or ())
        self.reserved = {addresses.parse(str(one), "reserved address") for one in own.get("reserved") or ()}
        self.mtu = int(first.get("mtu") or 0)
        self.ranges = [_range(entry, self.name) for entry in _entries(first.get("ipam") or {})]

    @property
    def labels(self) -> Mapping[str, str]:
        plugins: Any = self.document["plugins"]
        return ((plugins[0].get("args") or {}).get(OWN) or {}).get("labels") or {}

    @property
    def subnets(self) -> list[Subnet]:
        return [one.subnet for one in self.ranges]

    def range(self, version: int) -> Range | None:
        """The addresses of this version of IP; None when it has none."""
        return next((one for one in self.ranges if one.subnet.version == version), None)


def _driver(plugins: Sequence[Mapping[str, Any]]) -> str:
    """Who makes it: `bridge`, we; `cni`, the CNI plugins, at addresses of ours or their own."""
    first = plugins[0]
    ours = (
        first["type"] == "bridge"
        and first.keys() <= _BRIDGE_KEYS
        and (first.get("ipam") or {}).get("type") == "host-local"
        and all(plugin["type"] in _BESIDE for plugin in plugins[1:])
    )
    return "bridge" if ours else "cni"


def _entries(ipam: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The ranges of host-local addresses: one a subnet, in the order given; also in the old form of a single one."""
    if ipam.get("type") != "host-local":
        return []
    if "subnet" in ipam:
        return [ipam]
    return [part[0] for part in ipam.get("ranges") or ()]


def _range(entry: Mapping[str, Any], name: str) -> Range:
    subnet = Subnet.parse(str(entry["subnet"]), f"subnet of network {name}")
    bounds = [subnet.usable.start, subnet.usable.stop - 1]
    for place, key in enumerate(("rangeStart", "rangeEnd")):
        if entry.get(key):
            bounds[place] = inside(subnet, str(entry[key]), key)
    gateway = inside(subnet, str(entry["gateway"]), "gateway") if entry.get("gateway") else subnet.usable.start
    return Range(subnet, gateway, range(bounds[0], bounds[1] + 1))


def inside(subnet: Subnet, text: str, what: str) -> int:
    """The number of an address that a host of this subnet may have. Raises UsageError."""
    version, number = addresses.parse(text, what)
    if version != subnet.version or number not in subnet.usable:
        raise UsageError(text, f"is no {what} in {subnet}", f"take one that a host of {subnet} may have")
    return number


def ipam(ranges: Sequence[Range], *, routed: bool) -> Document:
    """The addresses as host-local's configuration; `routed`: with a way out through the gateways."""
    everything = {4: "0.0.0.0/0", 6: "::/0"}
    return {
        "type": "host-local",
        "ranges": [[_written(one)] for one in ranges],
        **({"routes": [{"dst": everything[one.subnet.version]} for one in ranges]} if routed else {}),
    }


def _written(one: Range) -> Document:
    version = one.subnet.version
    found: Document = {"subnet": str(one.subnet), "gateway": addresses.text(version, one.gateway)}
    if one.usable != one.subnet.usable:
        found["rangeStart"] = addresses.text(version, one.usable.start)
        found["rangeEnd"] = addresses.text(version, one.usable.stop - 1)
    return found


def bridge(
    name: str, interface: str, ranges: Sequence[Range], mtu: int, own: Document, more: Document | None = None
) -> Document:
    """The document of a bridge network; `more` are keys of the plugin's."""
    internal = bool(own.get("internal"))
    plugin: Document = {
        "type": "bridge",
        "bridge": interface,
        "isGateway": True,
        "ipMasq": not internal,
        "hairpinMode": True,
        **({"mtu": mtu} if mtu else {}),
        **(more or {}),
        "ipam": ipam(ranges, routed=not internal),
        "args": {OWN: own},
    }
    after: list[Document] = [] if internal else [{"type": "portmap", "capabilities": {"portMappings": True}}]
    return {"cniVersion": VERSION, "name": name, "plugins": [plugin, *after]}


def other(name: str, plugin: Document, own: Document) -> Document:
    """The document of a network that one CNI plugin makes."""
    return {"cniVersion": VERSION, "name": name, "plugins": [{**plugin, "args": {OWN: own}}]}


def load(document: Document, subject: str) -> Network:
    """A network of a document from outside. Raises FormatError, UsageError."""
    validate.check("network", document, subject)
    found = Network(document)
    if found.driver == "bridge" and not found.bridge:
        raise FormatError(subject, "its bridge has no name", "/plugins/0/bridge")
    if found.driver == "bridge" and not found.ranges:
        raise FormatError(subject, "its bridge has no subnet", "/plugins/0/ipam")
    if len({one.subnet.version for one in found.ranges}) < len(found.ranges):
        raise FormatError(subject, "more than one subnet of one version of IP", "/plugins/0/ipam/ranges")
    return found
