"""A new network's document, from what somebody asks for."""

from __future__ import annotations

from oci_spec import jsondoc, validate
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, NotFound, UsageError
from . import addresses, conflist, settings
from .addresses import Subnet
from .conflist import Network, Range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .networks import Networks

_MODES = {"macvlan": ("bridge", "private", "vepa", "passthru"), "ipvlan": ("l2", "l3", "l3s")}


class Asked:
    """What somebody asks for; every text as it was typed, '' for what was not said. `random` are 5 bytes or more."""

    def __init__(
        self,
        name: str,
        created: str,
        random: bytes,
        *,
        driver: str = "bridge",
        subnets: Sequence[str] = (),
        gateways: Sequence[str] = (),
        ranges: Sequence[str] = (),
        ipv4: bool = True,
        ipv6: bool = False,
        internal: bool = False,
        isolate: bool = False,
        mtu: int = 0,
        labels: dict[str, str] | None = None,
        options: dict[str, str] | None = None,
        dns: Sequence[str] = (),
        disable_dns: bool = False,
        interface: str = "",
        reserved: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.created = created
        self.random = random
        self.driver = driver
        self.subnets = subnets
        self.gateways = gateways
        self.ranges = ranges
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.internal = internal
        self.isolate = isolate
        self.mtu = mtu
        self.labels = labels or {}
        self.options = options or {}
        self.dns = dns
        self.disable_dns = disable_dns
        self.interface = interface
        self.reserved = reserved


def create(networks: Networks, asked: Asked) -> Network:
    """Makes the network. Raises UsageError for what does not go together, Conflict for what is taken, NotFound for an
    interface that there is not."""
    from .networks import check_name

    check_name(asked.name)
    if asked.mtu and not 576 <= asked.mtu <= 65535:
        raise UsageError(f"--mtu {asked.mtu}", "is no size of packets", "from 576 (with IPv6, 1280) to 65535")
    for one in asked.dns:
        addresses.parse(one, "address of a name server")
    if asked.dns and asked.disable_dns:
        raise UsageError("--dns", "with --disable-dns nobody would ask it", "leave one of them out")
    if asked.driver == "bridge":
        return networks.create(lambda: _bridge(networks, asked))
    for option, given in (("--internal", asked.internal), ("--isolate", asked.isolate), ("--dns", asked.dns)):
        if given:
            raise UsageError(option, f"is for bridges; the driver is {asked.driver}", "leave it out")
    return networks.create(lambda: _plugin(asked))


def again(networks: Networks, document: Document, created: str) -> Network:
    """Makes a network from a configuration list. What a bridge of ours lacks of its interface's name and addresses, it
    gets. Raises FormatError for a document that is none, else as `create`."""
    validate.check("network", document, "the network on stdin")
    return networks.create(lambda: _completed(networks, document, created))


def _completed(networks: Networks, document: Document, created: str) -> Document:
    plugins: Any = document["plugins"]
    first = dict(plugins[0])
    own = (first.get("args") or {}).get(conflist.OWN)
    if first["type"] == "bridge" and own is not None:
        name = str(document["name"])
        first.setdefault("bridge", networks.bridge_name(name))
        if "ipam" not in first:
            subnet = _free(networks, name)
            found = [Range(subnet, subnet.usable.start, subnet.usable)]
            first["ipam"] = conflist.ipam(found, routed=not own.get("internal"))
        first["args"] = {**first["args"], conflist.OWN: {**own, "created": created}}
    return {**document, "plugins": [first, *plugins[1:]]}


def _free(networks: Networks, name: str) -> Subnet:
    found = addresses.free_subnet(networks.taken(), default=name == conflist.DEFAULT)
    if found is None:
        raise Conflict(name, "no subnet is free", "name one with --subnet")
    return found


def _bridge(networks: Networks, asked: Asked) -> Document:
    _known_options(asked, settings.BRIDGE)
    plugin, more = settings.of_bridge(asked.options)
    subnets = _named(asked)
    versions = {one.version for one in subnets}
    if asked.ipv4 and (asked.ipv6 or not subnets) and 4 not in versions:
        subnets.insert(0, _free(networks, asked.name))
    if asked.ipv6 and 6 not in versions:
        subnets.append(addresses.unique_local(asked.random, networks.taken()))
    if not subnets:
        raise UsageError("--ipv4=false", "leaves the network no addresses", "add --ipv6")
    if "hostBinding" in more and not any(one.version == 4 for one in subnets):
        raise UsageError(f"--opt {settings.BINDING}", "the network has no addresses of IPv4", "leave it out")
    own: Document = {
        "labels": asked.labels,
        "internal": asked.internal,
        "isolate": asked.isolate,
        "names": not asked.disable_dns and asked.name != conflist.DEFAULT,
        **({"nameservers": list(asked.dns)} if asked.dns else {}),
        **_reserved(subnets, asked),
        **more,
        "created": asked.created,
    }
    if asked.interface and _has_interface(asked.interface):
        raise Conflict(f"--interface {asked.interface}", "an interface of this name is there", "name another")
    interface = asked.interface or networks.bridge_name(asked.name)
    return conflist.bridge(asked.name, interface, _ranges(subnets, asked), asked.mtu, own, plugin)


def _plugin(asked: Asked) -> Document:
    options = dict(asked.options)
    plugin: Document
    if asked.driver == "cni":
        if "type" not in options:
            raise UsageError(
                "--driver cni", "which plugin is not said", "--opt type=PLUGIN, or net-create - for a conflist"
            )
        plugin = {key: _value(value) for key, value in options.items()}
        if asked.interface:
            plugin["master"] = asked.interface
    else:
        _known_options(asked, ("mode",))
        mode = options.get("mode", _MODES[asked.driver][0])
        if mode not in _MODES[asked.driver]:
            raise UsageError(f"--opt mode={mode}", f"is no mode of {asked.driver}", ", ".join(_MODES[asked.driver]))
        if not asked.interface:
            raise UsageError(f"--driver {asked.driver}", "the host's interface is not said", "--interface eth0")
        if not _has_interface(asked.interface):
            raise NotFound(f"--interface {asked.interface}", "this host has no such interface", "`ip link` lists them")
        plugin = {"type": asked.driver, "master": asked.interface, "mode": mode}
    if asked.mtu:
        plugin["mtu"] = asked.mtu
    subnets = _named(asked)
    if (asked.ipv6 or not asked.ipv4) and not any(one.version == 6 for one in subnets):
        raise UsageError(
            "--ipv6" if asked.ipv6 else "--ipv4=false", f"with the driver {asked.driver} the subnet is the outside's",
            "name it with --subnet",
        )  # fmt: skip
    if subnets:
        plugin["ipam"] = conflist.ipam(_ranges(subnets, asked), routed=True)
    elif asked.gateways or asked.ranges or asked.reserved:
        raise UsageError("--gateway, --ip-range and --aux-address", "are of a subnet", "name it with --subnet")
    elif asked.driver != "cni":
        plugin["ipam"] = {"type": "dhcp"}
    own: Document = {"labels": asked.labels, **_reserved(subnets, asked), "created": asked.created}
    return conflist.other(asked.name, plugin, own)


def _named(asked: Asked) -> list[Subnet]:
    """The subnets that are named."""
    found = [Subnet.parse(text, "--subnet") for text in asked.subnets]
    for one in found:
        if one.version == 4 and not asked.ipv4:
            raise UsageError(f"--subnet {one}", "is of IPv4, which --ipv4=false turns off", "leave one of them out")
    return found


def _has_interface(name: str) -> bool:
    from _socket import if_nametoindex

    try:
        return if_nametoindex(name) > 0
    except OSError:
        return False


def _known_options(asked: Asked, known: Sequence[str]) -> None:
    for key in asked.options:
        if key not in known:
            remedy = f"it takes {', '.join(known)}" if known else "it takes none"
            raise UsageError(f"--opt {key}", f"is no option of the driver {asked.driver}", remedy)


def _value(text: str) -> object:
    """A plugin's setting: as JSON where it is such, else the text itself."""
    try:
        return jsondoc.loads(text)
    except FormatError:
        return text


def _ranges(subnets: Sequence[Subnet], asked: Asked) -> list[Range]:
    """The subnets with the gateways and ranges that belong to them."""
    if len({one.version for one in subnets}) < len(subnets):
        raise UsageError("--subnet", "more than one of one version of IP", "a network has one of each")
    found = []
    for subnet in subnets:
        if subnet.usable.stop - subnet.usable.start < 3:
            raise UsageError(str(subnet), "has no room for a gateway and two containers", "choose a larger --subnet")
        found.append(Range(subnet, subnet.usable.start, subnet.usable))
    for text in asked.gateways:
        one = _of(found, addresses.parse(text, "--gateway")[0], f"--gateway {text}")
        one.gateway = conflist.inside(one.subnet, text, "gateway")
    for text in asked.ranges:
        part = Subnet.parse(text, "--ip-range")
        one = _of(found, part.version, f"--ip-range {text}")
        if not (one.subnet.has(part.version, part.first) and one.subnet.has(part.version, part.last)):
            raise UsageError(f"--ip-range {text}", f"is not within {one.subnet}", "choose a part of the subnet")
        usable = one.subnet.usable
        one.usable = range(max(part.first, usable.start), min(part.last + 1, usable.stop))
        if not one.usable:
            raise UsageError(f"--ip-range {text}", "holds no address that a container may have", "choose a larger one")
    return found


def _reserved(subnets: Sequence[Subnet], asked: Asked) -> Document:
    """The addresses that are kept free, each of one of the subnets."""
    for text in asked.reserved:
        version, number = addresses.parse(text, "--aux-address")
        if not any(one.version == version and number in one.usable for one in subnets):
            raise UsageError(f"--aux-address {text}", "is in no subnet of the network", "choose one of a host there")
    return {"reserved": list(asked.reserved)} if asked.reserved else {}


def _of(ranges: Sequence[Range], version: int, subject: str) -> Range:
    found = next((one for one in ranges if one.subnet.version == version), None)
    if found is None:
        raise UsageError(subject, f"the network has no subnet of IPv{version}", "name one with --subnet")
    return found
