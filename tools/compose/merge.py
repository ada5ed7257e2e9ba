"""One document over another (compose-spec, 13-merge.md). Both are in canonical form, so that what was written as a list
in one file and as a mapping in the other is alike.

Mappings merge member by member; of two lists the second follows the first; anything else is replaced. Except: a command
is replaced as a whole; the items of ports, volumes, secrets, configs, devices and env_file that mean the same thing are
replaced, in their place; of other lists of words each is kept once; logging and build are told below. `!reset` takes a
key away, `!override` replaces its value as it is.
"""

from __future__ import annotations

from . import mounts, ports
from .positions import OVERRIDE, RESET, Mapping, Sequence, copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Path = tuple[str, ...]

_REPLACED = {
    ("services", "*", "command"), ("services", "*", "entrypoint"), ("services", "*", "healthcheck", "test"),
    ("services", "*", "ulimits", "*"),
}  # fmt: skip


def _path(value: Any) -> object:
    return value.get("path") if isinstance(value, Mapping) else value


def _subnet(value: Any) -> object:
    return value.get("subnet") if isinstance(value, Mapping) else value


_KEYS: dict[Path, Callable[[Any], object]] = {
    ("services", "*", "ports"): ports.key,
    ("services", "*", "volumes"): mounts.target,
    ("services", "*", "devices"): mounts.target,
    ("services", "*", "secrets"): mounts.target,
    ("services", "*", "configs"): mounts.target,
    ("services", "*", "build", "secrets"): mounts.target,
    ("services", "*", "env_file"): _path,
    ("networks", "*", "ipam", "config"): _subnet,
}
"""What two items of a list may not have in common: the later one takes the place of the earlier."""
_SEVERAL = {
    ("services", "*", "pre_start"), ("services", "*", "post_start"), ("services", "*", "pre_stop"),
    ("services", "*", "develop", "watch"), ("services", "*", "gpus"),
}  # fmt: skip
"""Lists in which one thing may stand twice."""


def lay(base: Mapping, over: Mapping) -> None:
    """Lays the document `over` over `base`, which takes over its parts."""
    _mapping(base, over, ())


def merged_service(base: Mapping, over: Mapping) -> Mapping:
    """A service with `over` laid over `base`; both stay as they are."""
    new: Mapping = copied(base)
    _mapping(new, copied(over), ("services", "*"))
    return new


def _mapping(base: Mapping, over: Mapping, path: Path) -> None:
    generic = len(path) == 1 or path[2:] == ("ulimits",)
    for key, kind in over.tags.items():
        base.drop(key)
        base.tags[key] = kind
    for key, value in over.items():
        below = (*path, "*" if generic else key)
        place = over.place_of(key)
        if key.startswith("x-"):
            base.put(key, value, place)
        elif key not in base or over.tags.get(key) == OVERRIDE:
            base.put(key, _alone(value, below), place)
        else:
            _member(base, key, value, place, below)
    for key, kind in over.tags.items():
        if kind == RESET and key in over.places:
            base.places[key] = over.places[key]


def _member(base: Mapping, key: str, value: Any, place: Any, path: Path) -> None:
    mine = base[key]
    if path not in _REPLACED:
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            if path == ("services", "*", "logging") and _drivers_differ(mine, value):
                base.put(key, value, place)
            else:
                if path == ("services", "*", "build") and "dockerfile" in value:
                    mine.drop("dockerfile_inline")
                elif path == ("services", "*", "build") and "dockerfile_inline" in value:
                    mine.drop("dockerfile")
                _mapping(mine, value, path)
            return
        if isinstance(mine, Sequence) and isinstance(value, Sequence):
            base[key] = _joined(mine, value, path)
            return
        if value is None and isinstance(mine, (Mapping, Sequence)):
            return
    base.put(key, value, place)


def _drivers_differ(mine: Mapping, value: Mapping) -> bool:
    return "driver" in mine and "driver" in value and mine["driver"] != value["driver"]


def _joined(mine: Sequence, value: Sequence, path: Path) -> Sequence:
    new = Sequence(mine.place)
    key = _KEYS.get(path, _itself)
    several = path in _SEVERAL
    found: dict[object, int] = {}
    for part in (mine, value):
        for number, item in enumerate(part):
            name = key(item)
            if several or isinstance(name, (dict, list)):
                new.put(item, part.place_of(number))
            elif name in found:
                new[found[name]] = item
                new.places[found[name]] = part.place_of(number)
            else:
                found[name] = len(new)
                new.put(item, part.place_of(number))
    return new


def _itself(item: Any) -> object:
    return item


def _alone(value: Any, path: Path) -> Any:
    """A value that nothing is merged with, its lists freed of what stands in them twice."""
    if isinstance(value, Mapping):
        new = Mapping(value.place)
        _mapping(new, value, path)
        return new
    if isinstance(value, Sequence) and path not in _REPLACED and path not in _SEVERAL and path[:1] == ("services",):
        return _joined(Sequence(value.place), value, path)
    return value
