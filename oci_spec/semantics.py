"""What the specs demand and a schema cannot say: rules between fields, and between content and digest.

For documents that passed their schema (`validate.check`). The parsers refuse what breaks these rules, `oci-validate`
lists it. The one exception is an image config's history: a count that does not match the layers is found in images
that every other tool runs, so that it is reported and not refused.
"""

from __future__ import annotations

from . import digest
from .interpreter import escape
from .jsondoc import FormatError
from .validate import Violation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Found = Iterator[Violation]


def check(name: str, value: Any, subject: str) -> None:
    """Raises FormatError for the first rule of type `name` that `value` breaks."""
    for violation in violations(name, value):
        raise FormatError(subject, violation.message, violation.pointer)


def violations(name: str, value: Any) -> Found:
    """Every broken rule of a document of type `name`; none for a type without such rules."""
    rules = _RULES.get(name)
    if rules is not None:
        yield from rules(value, "")


def _descriptor(value: Any, pointer: str) -> Found:
    data = value.get("data")
    if data is None:
        return
    import binascii

    content = binascii.a2b_base64(data)
    if len(content) != value["size"]:
        yield Violation(f"{pointer}/data", f"holds {len(content)} bytes, but size says {value['size']}")
    elif (algorithm := value["digest"].partition(":")[0]) in digest.LENGTHS:
        found = digest.of_bytes(content, algorithm)
        if found != value["digest"]:
            yield Violation(f"{pointer}/data", f"has the digest {found}, not {value['digest']}")


def _descriptors(value: Any, pointer: str) -> Found:
    for key in ("config", "subject"):
        if value.get(key) is not None:
            yield from _descriptor(value[key], f"{pointer}/{key}")
    for key in ("layers", "manifests"):
        for number, entry in enumerate(value.get(key, ())):
            yield from _descriptor(entry, f"{pointer}/{key}/{number}")


def _image_config(value: Any, pointer: str) -> Found:
    history = value.get("history") or ()
    made = sum(not entry.get("empty_layer") for entry in history)
    layers = len(value["rootfs"]["diff_ids"])
    if history and made != layers:
        yield Violation(f"{pointer}/history", f"has {made} entries that made a layer, but there are {layers} diff IDs")


def _image(value: Any, pointer: str) -> Found:
    yield from _descriptor(value["descriptor"], f"{pointer}/descriptor")
    for key, rules in (("manifest", _descriptors), ("index", _descriptors), ("config", _image_config)):
        if key in value:
            yield from rules(value[key], f"{pointer}/{key}")
    if "manifest" in value and "config" in value:
        layers, diff_ids = len(value["manifest"]["layers"]), len(value["config"]["rootfs"]["diff_ids"])
        if layers != diff_ids:
            yield Violation(f"{pointer}/config/rootfs/diff_ids", f"has {diff_ids} diff IDs for {layers} layers")


def _runtime_config(value: Any, pointer: str) -> Found:
    process, linux = value.get("process"), value.get("linux") or {}
    if not {"windows", "vm", "zos", "solaris"} & value.keys():
        if "root" not in value:
            yield Violation(pointer, "lacks root, which only Windows may do without")
        if process is not None and "args" not in process:
            yield Violation(f"{pointer}/process", "lacks args, which only Windows may do without")
    if process is not None:
        yield from _distinct(process.get("rlimits", ()), "type", f"{pointer}/process/rlimits")
    yield from _distinct(linux.get("namespaces", ()), "type", f"{pointer}/linux/namespaces")
    yield from _distinct(linux.get("devices", ()), "path", f"{pointer}/linux/devices")
    for number, device in enumerate(linux.get("devices", ())):
        if device["type"] != "p" and not {"major", "minor"} <= device.keys():
            yield Violation(f"{pointer}/linux/devices/{number}", "lacks major and minor, which only a fifo may")
    for clock in linux.get("timeOffsets", ()):
        if clock not in ("boottime", "monotonic"):
            yield Violation(f"{pointer}/linux/timeOffsets/{escape(clock)}", "is no clock that has an offset")
    seccomp = linux.get("seccomp") or {}
    if seccomp.get("listenerMetadata") and not seccomp.get("listenerPath"):
        yield Violation(f"{pointer}/linux/seccomp/listenerMetadata", "is set without a listenerPath")


def _distinct(entries: Any, key: str, pointer: str) -> Found:
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        if entry[key] in seen:
            yield Violation(f"{pointer}/{number}/{key}", f"names {entry[key]} a second time")
        seen.add(entry[key])


_RULES: dict[str, Callable[[Any, str], Found]] = {
    "descriptor": _descriptor,
    "image-manifest": _descriptors,
    "image-index": _descriptors,
    "image-config": _image_config,
    "image": _image,
    "runtime-config": _runtime_config,
}
