"""Configs and secrets as ConfigMaps and Secrets. Reads the files that they name, and has no other effect."""

from __future__ import annotations

import binascii

from . import granted
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .kube_objects import Objects

_LIMIT = 1 << 20
"""Bytes that a ConfigMap or a Secret holds at most (Kubernetes API, core/v1)."""


def manifests(objects: Objects) -> list[dict[str, Any]]:
    """The ConfigMaps, then the Secrets. Raises ComposeError for one that there is not, or that is too large."""
    made = []
    for section in ("configs", "secrets"):
        for key, one in (objects.model.get(section) or {}).items():
            if not _is_mounted(objects, section, key):
                continue
            name = objects.name(section, key)
            kind = "ConfigMap" if section == "configs" else "Secret"
            if one.get("external"):
                objects.warn((section, key, "external"), f"a {kind} {name} is to be there already, with an entry {key}")
                continue
            data = granted.own_content(objects.project, section, key)
            if len(data) > _LIMIT:
                raise ComposeError(
                    place_at(objects.project.model, (section, key)), (section, key),
                    f"has {len(data)} bytes, and a {kind} at most {_LIMIT}", "put it into the image or a volume",
                )  # fmt: skip
            head = {"apiVersion": "v1", "kind": kind, "metadata": objects.metadata(name)}
            made.append(head | (_config(key, data) if section == "configs" else _secret(key, data)))
    return made


def _is_mounted(objects: Objects, section: str, key: str) -> bool:
    """Whether a service has it when it runs; a secret may be a build's alone."""
    return any(one["source"] == key for keys in objects.model["services"].values() for one in keys.get(section) or ())


def _config(key: str, data: bytes) -> dict[str, Any]:
    try:
        return {"data": {key: data.decode()}}
    except UnicodeDecodeError:
        return {"binaryData": {key: _base64(data)}}


def _secret(key: str, data: bytes) -> dict[str, Any]:
    return {"type": "Opaque", "data": {key: _base64(data)}}


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()
