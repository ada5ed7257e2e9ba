"""A whole file in canonical form: what can be merged with another and checked by the schema."""

from __future__ import annotations

from . import forms
from .forms import fields, items, labels, members, options
from .positions import Mapping, Where
from .scalars import flag, numeral
from .service import service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .positions import Source


def _external(value: Any, where: Where) -> Any:
    """`external: {name: X}`, as it was written once, as external and a name."""
    if not isinstance(value, Mapping) or not isinstance(value.get("external"), (Mapping, str)):
        return value
    external = value["external"]
    if isinstance(external, str):
        value["external"] = flag(external, where.at("external", value.place_of("external")))
        return value
    if "name" in value and external.get("name", value["name"]) != value["name"]:
        raise where.refuse("has two names", "leave the one in external away")
    value["external"] = True
    if "name" in external:
        value.put("name", external["name"], external.place_of("name"))
    return value


_NETWORK = fields({
    "driver_opts": options, "internal": flag, "enable_ipv4": flag, "enable_ipv6": flag, "attachable": flag,
    "labels": labels, "ipam": fields({"options": options}),
})  # fmt: skip
_VOLUME = fields({"driver_opts": options, "labels": labels})
_FILE = fields({"file": forms.path, "labels": labels, "driver_opts": options})


def _network(value: Any, where: Where) -> Any:
    return _external(_NETWORK(value, where), where)


def _volume(value: Any, where: Where) -> Any:
    new = _external(_VOLUME(value, where), where)
    settings = new.get("driver_opts") if isinstance(new, Mapping) else None
    if isinstance(settings, Mapping) and "bind" in str(settings.get("o", "")).split(",") and "device" in settings:
        settings["device"] = forms.path(settings["device"], where)
    return new


def _file(value: Any, where: Where) -> Any:
    return _external(_FILE(value, where), where)


_TOP = fields({
    "services": members(service, empty=True),
    "networks": members(_network, empty=True),
    "volumes": members(_volume, empty=True),
    "secrets": members(_file, empty=True),
    "configs": members(_file, empty=True),
    "version": numeral,
})  # fmt: skip


def _included(value: Any, where: Where) -> Any:
    """One item of `include` in the long form; its paths stay as they are."""
    if isinstance(value, str):
        new = Mapping(where.place)
        new.put("path", forms.words(value, where), where.place)
        return new
    return fields({"path": forms.words, "env_file": forms.words})(value, where)


_INCLUDE = items(_included)


def document(value: Mapping, source: Source) -> Mapping:
    """The canonical form of a whole file. Raises ComposeError."""
    where = Where(source, value.place, [])
    new: Mapping = _TOP(value, where)
    if "include" in new:
        new["include"] = _INCLUDE(new["include"], where.at("include", new.place_of("include")))
    new.drop("version")
    return new
