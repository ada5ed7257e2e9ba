"""Devices by the Container Device Interface 0.8: what vendors say a container needs to use a device of theirs.

A device is named vendor.com/class=name. Specs lie in DIRECTORIES, as JSON or YAML; what a later directory says of a
device counts. A spec that cannot be read is passed over, and named when the device is not found elsewhere.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc, validate
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, NotFound, OcipipeError, Unsupported, UsageError
from ..host import devices, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .inputs import Options

DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
_NAME = r"[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*"
_GPU = "nvidia.com/gpu"
_LIMIT = 16 << 20
_NOT_OURS = ("netDevices", "intelRdt")


def checked(text: str) -> str:
    """The name of a device, vendor.com/class=name. Raises UsageError for what is none."""
    import re

    if re.fullmatch(_NAME, text) is None:
        raise UsageError(f"--device {text}", "is no device", "like /dev/fuse, or vendor.com/class=name")
    return text


def gpus(text: str) -> list[str]:
    """The devices of --gpus: all, how many, or device=ID[,ID…]. Raises UsageError."""
    words = text.strip('"')
    if words == "all":
        return [f"{_GPU}=all"]
    if words.isascii() and words.isdigit() and 0 < int(words[:4]) < 1000:
        return [f"{_GPU}={number}" for number in range(int(words))]
    if not words.startswith("device="):
        raise UsageError(f"--gpus {text}", "is not supported", "use all, a number, or device=0,1")
    return [checked(f"{_GPU}={one}") for one in words.removeprefix("device=").split(",")]


def apply(options: Options, names: Sequence[str], directories: Sequence[str] = DIRECTORIES) -> None:
    """Lays what these devices need over the options. Raises NotFound, Conflict, Unsupported."""
    for subject, edits in _edits(names, directories):
        for key in _NOT_OURS:
            if edits.get(key):
                raise Unsupported(subject, f"its spec asks for {key}, which is not supported")
        found = {one.partition("=")[0]: one for one in options.env}
        found.update({one.partition("=")[0]: one for one in edits.get("env") or ()})
        options.env = list(found.values())
        for node in edits.get("deviceNodes") or ():
            _add_node(options, node, subject)
        options.given_mounts += [_mount(one) for one in edits.get("mounts") or ()]
        for hook in edits.get("hooks") or ():
            told = {key: value for key, value in hook.items() if key in ("path", "args", "env", "timeout")}
            options.hooks.setdefault(hook["hookName"], []).append(told)
        options.given_groups += edits.get("additionalGids") or ()


def _edits(names: Sequence[str], directories: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """What is to be edited for each, with whom it is for: of each spec its own part once, then the devices'."""
    specs, broken = _specs(directories)
    found: list[tuple[str, dict[str, Any]]] = []
    used: set[str] = set()
    for name in dict.fromkeys(names):
        kind, _, device = name.partition("=")
        path, document, edits = _find(name, kind, device, specs, broken)
        if path not in used:
            used.add(path)
            found.append((name, document.get("containerEdits") or {}))
        found.append((name, edits))
    return found


def _find(
    name: str, kind: str, device: str, specs: list[tuple[str, dict[str, Any]]], broken: list[str]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Path and document of the spec of a device, and the device's own edits."""
    holders = [
        (path, document, one["containerEdits"])
        for path, document in specs
        if document["kind"] == kind
        for one in document["devices"]
        if one["name"] == device
    ]
    if not holders:
        why = f"no CDI spec has it{''.join(f', and {one}' for one in broken)}"
        raise NotFound(name, why, f"its vendor's tool writes one to {DIRECTORIES[0]}")
    last = os.path.dirname(holders[-1][0])
    same = [path for path, _, _ in holders if os.path.dirname(path) == last]
    if len(same) > 1:
        raise Conflict(name, f"{' and '.join(same)} both say what it is", "remove one of them")
    return holders[-1]


def _specs(directories: Sequence[str]) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """Every spec with its path, and what is wrong with those that are none."""
    found, broken = [], []
    for directory in directories:
        try:
            names = sorted(os.listdir(directory))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name in names:
            path = os.path.join(directory, name)
            if name.endswith((".json", ".yaml", ".yml")):
                try:
                    found.append((path, _load(path)))
                except (FormatError, OcipipeError) as error:
                    broken.append(str(error))
    return found, broken


def _load(path: str) -> dict[str, Any]:
    data = files.read_limited(path, _LIMIT, path)
    if not path.endswith(".json"):
        data = _json(data, path)
    return validate.check("cdi", jsondoc.load_object(data, path), path)


def _json(data: bytes, path: str) -> bytes:
    """A YAML document as JSON."""
    import yaml

    try:
        return jsondoc.dumps(yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError, RecursionError) as error:
        raise FormatError(path, f"is no YAML that JSON could say: {str(error).splitlines()[0]}") from None


def _add_node(options: Options, node: dict[str, Any], subject: str) -> None:
    """A device node, of which the spec may leave out all but the path, and the right to use it."""
    source = node.get("hostPath") or node["path"]
    try:
        here = devices.describe(source, node["path"])
    except OSError:
        here = None
    told: dict[str, Any] = {
        key: node[key] for key in ("type", "major", "minor", "fileMode", "uid", "gid") if key in node
    }
    document: dict[str, Any] = {**(here or {"path": node["path"]}), **told}
    if not {"type", "major", "minor"} <= document.keys():
        raise NotFound(source, f"no such device, and {subject} needs it", "load its driver")
    options.devices = [one for one in options.devices if one["path"] != node["path"]]
    options.devices.append(document)
    rule = {key: document[key] for key in ("type", "major", "minor")}
    options.device_rules.append({"allow": True, "access": node.get("permissions") or "rwm", **rule})


def _mount(mount: dict[str, Any]) -> Document:
    words = list(mount.get("options") or ("ro",))
    if not {"bind", "rbind"} & set(words) and mount.get("type") in (None, "", "bind", "none"):
        words.insert(0, "rbind")
    return {
        "destination": mount["containerPath"], "type": mount.get("type") or "bind", "source": mount["hostPath"],
        "options": words,
    }  # fmt: skip
