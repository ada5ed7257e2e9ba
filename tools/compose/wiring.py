"""A service's networks, ports and names as options of ctr-create. Pure."""

from __future__ import annotations

from ..errors import UsageError
from ..network import options as networks
from ..network import ports, settings
from ..runtime import names as host_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from typing import Any

    from .words import Path, Words

_SERVICE, _CONTAINER = "service:", "container:"
_IFNAME, _SYSCTLS = "com.docker.network.endpoint.ifname", "com.docker.network.endpoint.sysctls"
"""What docker's networks let a container say of its interface; of the settings, IFNAME stands for the interface."""


def words(
    said: Words, names: Mapping[str, str], nameless: Container[str], *, alone: bool = False, ports: bool = True
) -> None:
    """What a container is connected to. `names` as in translate.Around; `alone`: it has none of its service's names;
    without `ports` it publishes none."""
    mode = said.keys.get("network_mode")
    if mode is None:
        _networks(said, nameless, alone)
    else:
        said.option("--network", _shared(mode, names), ("network_mode",))
        if said.keys.get("mac_address"):
            said.key("mac_address", "--mac-address")
    for key in ("ipc", "pid", "uts"):
        value = said.keys.get(key)
        if value:
            if key == "uts" and value not in ("host", "private"):
                raise said.refuse((key,), f"{value!r} is not supported", "host, or take it away")
            said.option(f"--{key}", _shared(value, names), (key,))
    said.each("dns", "--dns")
    said.each("dns_search", "--dns-search")
    said.each("dns_opt", "--dns-option")
    for number, text in enumerate(said.keys.get("extra_hosts") or ()):
        name, equals, address = str(text).partition("=")
        said.option("--add-host", f"{name}:{address}" if equals else text, ("extra_hosts", number))
    for number, text in enumerate(said.keys.get("external_links") or ()):
        if mode is not None:
            raise said.refuse(("external_links",), "is for a service on networks", "take network_mode away")
        said.option("--link", text, ("external_links", number), host_names.link)
    if ports:
        _ports(said)


def _shared(value: str, names: Mapping[str, str]) -> str:
    """A mode; of service:NAME, its container's name."""
    if value.startswith(_SERVICE):
        return f"{_CONTAINER}{names.get(value[len(_SERVICE) :], value[len(_SERVICE) :])}"
    return value


def aliases(model: Mapping[str, Any], service: str) -> Iterator[tuple[str, str]]:
    """The names that other services' `links` have for a service, and who says it."""
    for other, keys in model["services"].items():
        for link in keys.get("links") or ():
            name, colon, alias = link.partition(":")
            if colon and name == service and alias != service:
                yield alias, other


def _networks(said: Words, nameless: Container[str], alone: bool) -> None:
    wanted: Mapping[str, Any] = said.keys.get("networks") or {}
    mac = said.keys.get("mac_address")
    linked = [alias for alias, _ in aliases(said.model, said.service)]
    order = sorted(wanted, key=lambda key: (-wanted[key].get("gw_priority", 0), -wanted[key].get("priority", 0)))
    interfaces: list[str] = []
    for key in order:
        one = wanted[key]
        path = ("networks", key)
        options = said.model["networks"][key].get("driver_opts") or {}
        interface = _endpoint(said, path, one, interfaces, str(options.get(settings.PREFIX) or "eth"))
        name = said.model["networks"][key]["name"]
        own = [] if alone or name in nameless else [said.service, *linked]
        aliases_of = () if alone else one.get("aliases") or ()
        parts = [f"alias={alias}" for alias in dict.fromkeys((*own, *aliases_of))]
        address = one.get("mac_address") or (mac if key == order[0] else None)
        given = (("ip", one.get("ipv4_address")), ("ip6", one.get("ipv6_address")), ("mac", address),
                 ("interface", interface))  # fmt: skip
        parts += [f"{what}={value}" for what, value in given if value]
        parts += [f"link-local={value}" for value in one.get("link_local_ips") or ()]
        said.option("--network", f"{name}:{','.join(parts)}" if parts else name, path, networks.network)


def _endpoint(said: Words, path: Path, one: Mapping[str, Any], interfaces: list[str], prefix: str) -> str:
    """The name that is asked for of the interface on a network, '' for the next one (network.asking); what it is called
    then is added to `interfaces`. Says what driver_opts of docker's say of it: an interface that has settings is asked
    for by the name that they have."""
    options = one.get("driver_opts") or {}
    asked = str(one.get("interface_name") or options.get(_IFNAME) or "")
    if options.get(_IFNAME, asked) != asked:
        raise said.refuse((*path, "driver_opts", _IFNAME), f"interface_name says {asked}", "take one of them away")
    free = (f"{prefix}{number}" for number in range(len(interfaces) + 1))
    interfaces.append(asked or next(name for name in free if name not in interfaces))
    for key, text in options.items():
        where = (*path, "driver_opts", key)
        if key not in (_IFNAME, _SYSCTLS):
            raise said.refuse(where, "is not supported", f"there are {_IFNAME} and {_SYSCTLS}")
        for setting in text.split(",") if key == _SYSCTLS else ():
            name, equals, value = setting.strip().partition("=")
            parts = name.split(".")
            if not equals or parts[0] != "net" or "IFNAME" not in parts:
                raise said.refuse(where, f"{setting!r} is no setting", "like net.ipv4.conf.IFNAME.log_martians=1")
            said.option("--sysctl", f"{name.replace('IFNAME', interfaces[-1])}={value}", where)
    return interfaces[-1] if options.get(_SYSCTLS) else asked


def _ports(said: Words) -> None:
    taken: set[str] = set()
    for number, one in enumerate(said.keys.get("ports") or ()):
        ip = str(one.get("host_ip") or "")
        host = f"[{ip}]:" if ":" in ip else f"{ip}:" if ip else ""
        text = f"{host}{one.get('published') or ''}:{one['target']}/{one.get('protocol') or 'tcp'}"
        text = text if host or one.get("published") else text.removeprefix(":")
        if text not in taken:
            taken.add(text)
            said.option("--publish", text, ("ports", number), _port)


def _port(text: str) -> None:
    if not ports.parse(text):
        raise UsageError(text, "is no port")
