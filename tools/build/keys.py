"""What a step depends on, and the key that follows from it. Pure.

A key's parts are a JSON object whose members stand in the order in which a miss is explained. Nothing of them is a
time, a path of the host or a name that it has for anything. Secrets have no part in a key, as nobody is to guess them.
"""

from __future__ import annotations

from oci_spec import digest, jsondoc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oci_spec.jsondoc import Document

    from .steps import Copy, Mount, Run

_VERSION = 1
"""Another number makes other keys: for the day when the same step makes other files."""


def of(parts: Document) -> str:
    """The key, 64 hex digits."""
    return digest.of_bytes(jsondoc.dumps({"version": _VERSION, **parts})).hex


def slot(file: str, stage: str, number: int) -> str:
    """Which step of which Dockerfile this is: what an earlier record is compared with, to explain a miss."""
    return digest.of_bytes(jsondoc.dumps([file, stage, number])).hex


def run(
    step: Run, base: str, config: Document, variables: Mapping[str, str], mounted: Sequence[str], clock: int | None,
    more: Document,
) -> Document:  # fmt: skip
    """The parts of a RUN. `base`: the chain ID that it stands on; `config`: the image's config object; `mounted`: the
    digest of what each bind mount shows, '' for other mounts; `more`: what the command line says that a process sees.
    """
    return {
        "kind": "run",
        "base": base,
        "clock": clock,
        "command": step.args,
        "input": digest.of_bytes(step.stdin) if step.stdin else "",
        "files": {one.name: digest.of_bytes(one.content) for one in step.files},
        "variables": dict(sorted(variables.items())),
        "user": str(config.get("User") or ""),
        "directory": str(config.get("WorkingDir") or "/"),
        "network": step.network,
        "security": step.security,
        "mounts": [_mount(one, found) for one, found in zip(step.mounts, mounted, strict=True)],
        **more,
    }


def _mount(mount: Mount, found: str) -> Document:
    shown: Document = {"type": mount.kind, "target": mount.target}
    if mount.kind == "bind":
        shown |= {"content": found, "readonly": mount.readonly}
    elif mount.kind == "cache":
        shown |= {"id": mount.id, "content": found, "mode": mount.mode, "uid": mount.uid, "gid": mount.gid}
    elif mount.kind == "secret":
        shown |= {"id": mount.id, "env": mount.env}
    elif mount.kind == "ssh":
        shown |= {"id": mount.id}
    return shown


def copy(step: Copy, base: str, destination: str, listing: bytes, clock: int | None) -> Document:
    """The parts of a COPY or ADD whose files are those of `listing` (see listing.py). `base` is '' with --link: what
    is beneath does not count then."""
    return {
        "kind": "copy",
        "base": base,
        "clock": clock,
        "destination": destination,
        "chown": step.chown,
        "chmod": step.chmod,
        "unpack": step.unpack if step.add else False,
        "content": digest.of_bytes(listing),
    }


def directory(path: str, base: str, owner: tuple[int, int], clock: int | None) -> Document:
    """The parts of a WORKDIR."""
    return {"kind": "directory", "base": base, "clock": clock, "path": path, "owner": list(owner)}


def difference(before: Document, after: Document) -> Document | None:
    """The first part that differs: `field`, `from`, `to`; None for none. Of a map, the first of its members."""
    for field in [*after, *(one for one in before if one not in after)]:
        was, now = before.get(field), after.get(field)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            name = next(one for one in sorted({*was, *now}) if was.get(one) != now.get(one))
            return {"field": f"{field} {name}", "from": was.get(name), "to": now.get(name)}
        return {"field": field, "from": was, "to": now}
    return None


def files_difference(before: Iterable[bytes], after: Iterable[bytes]) -> Document | None:
    """The first file of two listings that is not the same, and what of it: its content, mode, owner and so on."""
    old, new = ({line.split(b"\t", 1)[0]: line for line in lines if line} for lines in (before, after))
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        shown = name.decode("utf-8", "backslashreplace")
        if was is None or now is None:
            return {
                "field": f"file {shown}",
                "from": "there" if was else "missing",
                "to": "there" if now else "missing",
            }
        for field, one, other in zip(FIELDS, was.split(b"\t")[1:], now.split(b"\t")[1:], strict=True):
            if one != other:
                return {"field": f"{field} of {shown}", "from": one.decode(), "to": other.decode()}
    return None


FIELDS = ("type", "mode", "owner", "target", "device", "attributes", "content")
"""What a line of a listing says of a file, after its path."""
