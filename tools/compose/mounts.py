"""What a service mounts: volumes and tmpfs, secrets and configs, devices; short forms to long ones."""

from __future__ import annotations

from . import forms, scalars
from .positions import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .positions import Where

_PROPAGATION = ("rprivate", "private", "rshared", "shared", "rslave", "slave")
_CONSISTENCY = ("consistent", "cached", "delegated")
"""Words for shared folders of virtual machines: on one host everything is consistent."""
_LIKE = 'like "data:/var/lib/data", "./src:/src:ro" or "/cache"'
SECRETS = "/run/secrets/"


def volume(value: Any, where: Where) -> Any:
    """One item of `volumes`: `[SOURCE:]TARGET[:OPTIONS]` or a mapping, in the long form."""
    if isinstance(value, Mapping):
        return _long(value, where)
    if not isinstance(value, str) or where.unknown(value):
        return value
    parts = value.split(":")
    if len(parts) > 3 or "" in parts:
        raise where.refuse(f"{value!r} is no volume", _LIKE)
    source, target, flags = ("", parts[0], "") if len(parts) == 1 else (parts[0], parts[1], ",".join(parts[2:]))
    new = Mapping(where.place)
    bind = source.startswith((".", "/", "~"))
    new["type"] = "bind" if bind else "volume"
    if source:
        new["source"] = forms.path(source, where) if bind else source
    new["target"] = _target(target, where)
    details = Mapping(where.place)
    if bind:
        details["create_host_path"] = True
    for one in flags.split(",") if flags else ():
        if one in ("ro", "readonly"):
            new["read_only"] = True
        elif one == "rw" or one in _CONSISTENCY:
            pass
        elif one == "nocopy" and not bind:
            details["nocopy"] = True
        elif one in _PROPAGATION and bind:
            details["propagation"] = one
        elif one in ("z", "Z"):
            if bind:
                details["selinux"] = one
        else:
            raise where.refuse(f"{value!r}: {one!r} is no option of a {new['type']}", "ro, rw, z, nocopy, rshared, …")
    if details:
        new[new["type"]] = details
    return new


def _target(value: Any, where: Where) -> Any:
    if isinstance(value, str) and not where.unknown(value):
        if not value.startswith("/"):
            raise where.refuse(f"the target {value!r} is no absolute path", _LIKE)
        return value.rstrip("/") or "/"
    return value


def _subpath(value: Any, where: Where) -> Any:
    if isinstance(value, str) and not where.unknown(value) and (value.startswith("/") or ".." in value.split("/")):
        raise where.refuse(f"{value!r} leads out of what is mounted", "write a path below its root")
    return value


_FIELDS = forms.fields({
    "target": _target,
    "read_only": scalars.flag,
    "bind": forms.fields({"create_host_path": scalars.flag}),
    "volume": forms.fields({"nocopy": scalars.flag, "labels": forms.labels, "subpath": _subpath}),
    "tmpfs": forms.fields({"size": scalars.size, "mode": scalars.mode}),
    "image": forms.fields({"subpath": _subpath}),
})  # fmt: skip


def _long(value: Mapping, where: Where) -> Any:
    new = _FIELDS(value, where)
    kind, source = new.get("type"), new.get("source")
    if kind == "bind":
        if not source:
            raise where.refuse("a bind mount needs a source")
        new["source"] = forms.path(source, where.at("source", new.place_of("source")))
        new.setdefault("bind", Mapping(new.place))
        if isinstance(new["bind"], Mapping):
            new["bind"].setdefault("create_host_path", True)
    elif kind == "image" and not source:
        raise where.refuse("an image mount needs a source, the image")
    elif kind == "tmpfs" and source:
        raise where.refuse("a tmpfs has no source", "take it away")
    if "target" not in new:
        raise where.refuse("has no target", "say where in the container it is mounted")
    for other in ("bind", "volume", "tmpfs", "image"):
        if other in new and other != kind and kind is not None and not where.unknown(kind):
            raise where.at(other, new.place_of(other)).refuse(f"stands at a mount of type {kind}", "take it away")
    consistency = new.get("consistency")
    if consistency in _CONSISTENCY:
        new.drop("consistency")
    return new


def target(value: Any) -> object:
    """What two mounts of one list must not have in common."""
    if isinstance(value, Mapping):
        return value.get("target")
    return value


def secret(value: Any, where: Where) -> Any:
    """One item of `secrets`: a name, or a mapping; its target an absolute path."""
    new = _grant(value, where)
    if isinstance(new, Mapping) and isinstance(new.get("source"), str):
        name = new.get("target", new["source"])
        if isinstance(name, str) and not where.unknown(name):
            new["target"] = name if name.startswith("/") else SECRETS + name
    return new


def config(value: Any, where: Where) -> Any:
    """One item of `configs`: a name, or a mapping; its target an absolute path."""
    new = _grant(value, where)
    if isinstance(new, Mapping) and isinstance(new.get("source"), str):
        name = new.get("target", new["source"])
        if isinstance(name, str) and not where.unknown(name):
            new["target"] = name if name.startswith("/") else f"/{name}"
    return new


def build_secret(value: Any, where: Where) -> Any:
    """One item of a build's `secrets`; its target is the id that the Dockerfile knows it by."""
    new = _grant(value, where)
    if isinstance(new, Mapping) and isinstance(new.get("source"), str):
        new.setdefault("target", new["source"])
    return new


_GRANT = forms.fields({"uid": scalars.numeral, "gid": scalars.numeral, "mode": scalars.mode})


def _grant(value: Any, where: Where) -> Any:
    if isinstance(value, str):
        new = Mapping(where.place)
        new["source"] = value
        return new
    return _GRANT(value, where)


def device(value: Any, where: Where) -> Any:
    """One item of `devices`: `SOURCE[:TARGET[:PERMISSIONS]]`, a CDI name, or a mapping; in the long form."""
    if isinstance(value, str) and not where.unknown(value):
        parts = value.split(":")
        if len(parts) > 3 or "" in parts:
            raise where.refuse(f"{value!r} is no device", 'like "/dev/fuse" or "/dev/sda:/dev/xvda:rwm"')
        new = Mapping(where.place)
        new["source"] = parts[0]
        if len(parts) == 2 and set(parts[1]) <= set("rwm"):
            parts[1:] = [parts[0], parts[1]]
        new["target"] = parts[1] if len(parts) > 1 else parts[0]
        new["permissions"] = parts[2] if len(parts) > 2 else "rwm"
    elif isinstance(value, Mapping):
        new = forms.fields({})(value, where)
        if isinstance(new.get("source"), str):
            new.setdefault("target", new["source"])
        new.setdefault("permissions", "rwm")
    else:
        return value
    permissions = new["permissions"]
    if isinstance(permissions, str) and not where.unknown(permissions) and not set(permissions) <= set("rwm"):
        raise where.refuse(f"{permissions!r} are no permissions of a device", "some of r, w and m")
    return new


def env_file(value: Any, where: Where) -> Any:
    """One item of `env_file`: a path or a mapping, with `required` said."""
    if isinstance(value, str):
        new = Mapping(where.place)
        new["path"] = forms.path(value, where)
    elif isinstance(value, Mapping):
        new = forms.fields({"path": forms.path, "required": scalars.flag})(value, where)
    else:
        return value
    new.setdefault("required", True)
    return new
