"""What ties a service to others: what it depends on, extends, which networks it is on, which hosts it knows."""

from __future__ import annotations

from . import forms
from .forms import fields, members, words
from .positions import Mapping, Sequence
from .scalars import flag, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .positions import Where


def depends_on(value: Any, where: Where) -> Any:
    """Service to what is waited for: {condition, required, restart}."""
    if isinstance(value, Sequence):
        value = _named(value)
    return _DEPENDENCIES(value, where)


def _named(value: Sequence) -> Any:
    """A list of names as a mapping of them to nothing; as it is where it holds something else."""
    if not all(isinstance(one, str) for one in value):
        return value
    new = Mapping(value.place)
    for position, name in enumerate(value):
        new.put(name, Mapping(value.place_of(position)), value.place_of(position))
    return new


def _dependency(value: Any, where: Where) -> Any:
    new = fields({"restart": flag, "required": flag})(value, where)
    if isinstance(new, Mapping):
        new.setdefault("condition", "service_started")
        new.setdefault("required", True)
        if new.get("restart") is False:
            new.drop("restart")
    return new


_DEPENDENCIES = members(_dependency, empty=True)


def networks(value: Any, where: Where) -> Any:
    """Network to the service's attachment: {} or {aliases, ipv4_address, …}."""
    if isinstance(value, Sequence):
        value = _named(value)
    return _NETWORKS(value, where)


_NETWORKS = members(
    fields({"driver_opts": forms.options, "priority": whole, "gw_priority": whole, "aliases": words}), empty=True
)


def _host(item: Any, where: Where) -> Any:
    if not isinstance(item, str) or where.unknown(item):
        return item
    host, mark, address = item.partition("=" if "=" in item else ":")
    if not mark or not host or not address:
        raise where.refuse(f"{item!r} is no host with its address", 'like "db=10.0.0.2"')
    return f"{host}={address.strip('[]')}"


def extra_hosts(value: Any, where: Where) -> Any:
    """A list of `HOST=ADDRESS`."""
    new = Sequence(where.place)
    if isinstance(value, Mapping):
        for host, addresses in value.items():
            for address in addresses if isinstance(addresses, Sequence) else [addresses]:
                new.put(f"{host}={address}", value.place_of(host))
        return new
    if not isinstance(value, Sequence):
        return value
    for position, item in enumerate(value):
        new.put(_host(item, where.at(position, value.place_of(position))), value.place_of(position))
    return new


def extends(value: Any, where: Where) -> Any:
    """{service, file?}; a string is the service. The file's path stays as it is."""
    if not isinstance(value, str):
        return value
    new = Mapping(where.place)
    new["service"] = value
    return new
