"""A project's networks and volumes, as what net-create and vol-create are asked for."""

from __future__ import annotations

from oci_spec import jsondoc

from ..errors import OcipipeError
from ..network import create, settings
from ..volume.create import Settings
from . import hashing, labels
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from .positions import Mapping
    from .project import Project

_BRIDGE = "com.docker.network.bridge."
_OPTIONS = {
    "com.docker.network.driver.mtu": "mtu", "mtu": "mtu", _BRIDGE + "name": "interface", "parent": "interface",
    "macvlan_mode": "mode", "ipvlan_mode": "mode", "mode": "mode",
}  # fmt: skip
"""Options of docker's drivers, and what they are called here."""


def network(ctx: Context, project: Project, key: str) -> create.Asked:
    """What net-create is asked for. Raises ComposeError for what it cannot do."""
    model = project.model
    one: Mapping = model["networks"][key]
    driver = str(one.get("driver") or "bridge")
    if driver not in ("bridge", "macvlan", "ipvlan"):
        raise _refuse(model, ("networks", key, "driver"), f"there is no driver {driver}", "bridge, macvlan or ipvlan")
    given: dict[str, str] = {}
    bridge: dict[str, str] = {}
    for name, value in (one.get("driver_opts") or {}).items():
        path = ("networks", key, "driver_opts", name)
        if driver == "bridge" and name in settings.BRIDGE:
            try:
                settings.of_bridge({name: str(value)})
            except OcipipeError as error:
                raise _refuse(model, path, f"{value!r}: {error.problem}", error.remedy) from None
            bridge[name] = str(value)
        elif name in _OPTIONS:
            given[_OPTIONS[name]] = str(value)
        else:
            known = ", ".join((*_OPTIONS, *(settings.BRIDGE if driver == "bridge" else ())))
            raise _refuse(model, path, "is not supported", f"of {known}")
    if not given.get("mtu", "0").isdigit():
        raise _refuse(model, ("networks", key, "driver_opts"), f"{given['mtu']!r} is no size of packets", "like 1400")
    addresses = _addresses(model, key, one.get("ipam") or {})
    ipv4, six = one.get("enable_ipv4") is not False, any(":" in subnet for subnet in addresses["subnet"])
    if not ipv4 and not (six or (one.get("enable_ipv6") and driver == "bridge")):
        raise _refuse(model, ("networks", key, "enable_ipv4"), "leaves it no addresses", "write enable_ipv6: true")
    if not ipv4 and not all(":" in subnet for subnet in addresses["subnet"]):
        raise _refuse(model, ("networks", key, "enable_ipv4"), "ipam has a subnet of IPv4", "take one of them away")
    return create.Asked(
        str(one["name"]), ctx.timestamp(), ctx.random(5), driver=driver, ipv4=ipv4, ipv6=bool(one.get("enable_ipv6")),
        internal=bool(one.get("internal")), mtu=int(given.get("mtu", 0)), interface=given.get("interface", ""),
        options={"mode": given["mode"]} if "mode" in given else bridge, labels=marks(project, "networks", key),
        subnets=addresses["subnet"], gateways=addresses["gateway"], ranges=addresses["ip_range"],
        reserved=addresses["aux_addresses"],
    )  # fmt: skip


def _addresses(model: Mapping, key: str, ipam: Any) -> dict[str, list[str]]:
    path = ("networks", key, "ipam")
    if ipam.get("driver") not in (None, "default"):
        raise _refuse(model, (*path, "driver"), "there is only the default one", "take it away")
    if ipam.get("options"):
        raise _refuse(model, (*path, "options"), "is not supported", "take it away")
    found: dict[str, list[str]] = {"subnet": [], "gateway": [], "ip_range": []}
    reserved: list[str] = []
    for one in ipam.get("config") or ():
        for name, values in found.items():
            if one.get(name):
                values.append(str(one[name]))
        reserved += map(str, (one.get("aux_addresses") or {}).values())
    return {**found, "aux_addresses": reserved}


def volume(project: Project, key: str) -> Settings:
    """What vol-create is asked for. Raises ComposeError for what it cannot do."""
    one: Mapping = project.model["volumes"][key]
    try:
        given = {name: str(value) for name, value in (one.get("driver_opts") or {}).items()}
        return Settings(str(one.get("driver") or "local"), given, marks(project, "volumes", key))
    except OcipipeError as error:
        problem = f"{error.subject}: {error.problem}"
        raise _refuse(project.model, ("volumes", key), problem, error.remedy) from None


def marks(project: Project, section: str, key: str) -> dict[str, str]:
    """The labels of a network or volume of the project: the user's and ours."""
    one: Mapping = project.model[section][key]
    kind = labels.NETWORK if section == "networks" else labels.VOLUME
    return {
        **{name: str(value) for name, value in (one.get("labels") or {}).items()},
        **labels.of_project(project),
        kind: key,
        labels.HASH: hashing.resource_hash(project.model, section, key),
        labels.DEFINITION: jsondoc.dumps(one, sort_keys=True).decode(),
    }


def is_external(project: Project, section: str, key: str) -> bool:
    return bool(project.model[section][key].get("external"))


def _refuse(model: Mapping, path: tuple[str | int, ...], problem: str, remedy: str) -> ComposeError:
    return ComposeError(place_at(model, path), path, problem, remedy)
