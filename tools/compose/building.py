"""How a service's image is built (compose-spec, build.md)."""

from __future__ import annotations

from . import forms, mounts
from .forms import fields, items, labels, members, variables, words
from .positions import Mapping, Sequence
from .relations import extra_hosts
from .scalars import flag, size, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .positions import Where


def build(value: Any, where: Where) -> Any:
    """{context, dockerfile, …}; a string is the context."""
    if isinstance(value, str):
        new = Mapping(where.place)
        new.put("context", context(value, where), where.place)
        return new
    return _BUILD(value, where)


def context(value: Any, where: Where) -> Any:
    """A build context: an absolute path, or the address of what is elsewhere as it is."""
    return value if isinstance(value, str) and forms.is_remote(value) else forms.path(value, where)


def _contexts(value: Any, where: Where) -> Any:
    return members(context)(variables(value, where), where)


def _ssh(value: Any, where: Where) -> Any:
    """A list of `default` or `ID=PATH`."""
    if isinstance(value, str):
        return words(value, where)
    if isinstance(value, Mapping):
        new = Sequence(where.place)
        for key, member in value.items():
            new.put(key if member is None else f"{key}={member}", value.place_of(key))
        return new
    return value


def _cache(value: Any, where: Where) -> Any:
    """`type=…,…`; a name alone is that of an image in a registry."""
    named = isinstance(value, str) and "=" not in value and not where.unknown(value)
    return f"type=registry,ref={value}" if named else value


_CACHES = items(_cache)


def _caches(value: Any, where: Where) -> Any:
    return _CACHES(words(value, where), where)


def _provenance(value: Any, where: Where) -> Any:
    return value if isinstance(value, str) and value.startswith("mode=") else flag(value, where)


def ulimit(value: Any, where: Where) -> Any:
    """{soft, hard} of one number or a mapping."""
    if isinstance(value, Mapping):
        return fields({"soft": whole, "hard": whole})(value, where)
    found = whole(value, where)
    if not isinstance(found, int) or isinstance(found, bool):
        return found
    new = Mapping(where.place)
    new["soft"] = new["hard"] = found
    return new


_BUILD = fields({
    "context": context, "args": variables, "labels": labels, "ssh": _ssh, "additional_contexts": _contexts,
    "no_cache": flag, "no_cache_filter": words, "cache_from": _caches, "cache_to": _caches, "pull": flag,
    "privileged": flag, "shm_size": size, "extra_hosts": extra_hosts, "secrets": items(mounts.build_secret),
    "ulimits": members(ulimit), "provenance": _provenance, "sbom": flag,
})  # fmt: skip
