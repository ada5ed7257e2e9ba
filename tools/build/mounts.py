"""RUN --mount: its options, what they default to, and which go together."""

from __future__ import annotations

import posixpath

from oci_spec import quantity

from .instruction import near
from .steps import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .instruction import Instruction

_NAMES = {
    "src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite",
}  # fmt: skip
_OPTIONS: dict[str, tuple[str, ...]] = {
    "bind": ("source", "target", "from", "readonly", "readwrite"),
    "cache": (
        "id", "source", "target", "from", "readonly", "readwrite", "sharing", "mode", "uid", "gid",
    ),
    "secret": ("id", "source", "target", "required", "mode", "uid", "gid", "env", "readonly", "readwrite"),
    "ssh": ("id", "target", "required", "mode", "uid", "gid", "readonly", "readwrite"),
    "tmpfs": ("target", "size", "readonly", "readwrite"),
}  # fmt: skip
_SWITCHES = ("readonly", "readwrite", "required")
_SHARING = ("shared", "private", "locked")
_BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
_MOST = (1 << 32) - 1


def sources_of(instruction: Instruction) -> list[str]:
    """What an instruction takes files from besides the build's context: stages, images, named contexts."""
    if instruction.keyword == "COPY":
        name = instruction.option("from")
        if "$" in name:
            raise _no_variable(instruction, name)
        return [name] if name else []
    found = []
    for text in instruction.options.get("mount", ()):
        fields = dict(_fields(instruction, text))
        if fields.get("from") and fields.get("type", "bind").lower() in ("bind", "cache"):
            if "$" in fields["from"]:
                raise _no_variable(instruction, fields["from"])
            found.append(fields["from"])
    return found


def mount(instruction: Instruction, text: str, expand: Callable[[str], str], directory: str) -> Mount:
    """The mount that `text` means. `expand` replaces variables in values; `directory`: the working directory. Raises
    DockerfileError."""
    found = {name: expand(value) if value else value for name, value in _fields(instruction, text)}
    kind = found.pop("type", "bind").lower()
    options = _OPTIONS.get(kind)
    if options is None:
        raise instruction.refuse(f"{kind} is no type of mount", near(kind, _OPTIONS) or _list(_OPTIONS), at=kind)
    for name in found:
        if name not in options:
            known = any(name in names for names in _OPTIONS.values())
            raise instruction.refuse(
                f"a mount of type {kind} has no {name}" if known else f"{name} is no option of a mount",
                near(name, options) or _list(options), at=name,
            )  # fmt: skip
    made = Mount(
        kind,
        found.get("target", ""),
        source=found.get("source", ""),
        from_=found.get("from", ""),
        id=found.get("id", ""),
        readonly=_readonly(instruction, kind, found),
        sharing=found.get("sharing", "shared").lower(),
        mode=_number(instruction, found, "mode", 8) if "mode" in found else None,
        uid=_number(instruction, found, "uid", 10),
        gid=_number(instruction, found, "gid", 10),
        size=_size(instruction, found),
        required=_switch(instruction, found, "required") or False,
        env=found.get("env", ""),
    )
    _completed(instruction, made, directory)
    return made


def _completed(instruction: Instruction, made: Mount, directory: str) -> None:
    if made.sharing not in _SHARING:
        raise instruction.refuse(
            f"sharing={made.sharing} is not known", near(made.sharing, _SHARING) or _list(_SHARING), at=made.sharing
        )
    if made.kind == "secret":
        if made.source and made.id:
            raise instruction.refuse("source and id mean the same secret", "leave one out", at="source")
        made.id, made.source = made.id or made.source or posixpath.basename(made.target) or made.env, ""
        if not made.id:
            raise instruction.refuse("a secret needs an id", "write --mount=type=secret,id=…", at="secret")
        if not made.target and not made.env:
            made.target = f"/run/secrets/{posixpath.basename(made.id)}"
    elif made.kind == "ssh":
        made.id = made.id or "default"
    elif not made.target or posixpath.normpath(posixpath.join(directory, made.target)).strip("/") == "":
        problem = "cannot be mounted on /" if made.target else "needs a target"
        at = made.target or "--mount"
        raise instruction.refuse(f"a mount of type {made.kind} {problem}", "write target=/path", at=at)
    elif made.kind == "cache":
        made.id = made.id or posixpath.normpath(made.target)


def _no_variable(instruction: Instruction, name: str) -> Exception:
    return instruction.refuse("variables do not work in from", "name a stage: FROM $IMAGE AS name", at=name)


def _list(names: Iterable[str]) -> str:
    return f"use {', '.join(names)}"


def _fields(instruction: Instruction, text: str) -> list[tuple[str, str]]:
    """Names, in small letters and in full, and values; of a switch without one, `true`."""
    found = []
    for field in _comma_split(text):
        name, equals, value = field.partition("=")
        name = _NAMES.get(name.strip().lower(), name.strip().lower())
        if not equals and name not in _SWITCHES:
            raise instruction.refuse(f"{field or 'nothing'} is no name=value", at=field or "--mount")
        found.append((name, value if equals else "true"))
    return found


def _comma_split(text: str) -> list[str]:
    """Fields as CSV has them: one in double quotes may hold commas, and quotes twice."""
    found: list[str] = [""]
    quoted = False
    for position, character in enumerate(text):
        if character == '"':
            if quoted and text[position + 1 : position + 2] == '"':
                found[-1] += '"'
            quoted = not quoted
        elif character == "," and not quoted:
            found.append("")
        else:
            found[-1] += character
    return found


def _switch(instruction: Instruction, found: Mapping[str, str], name: str) -> bool | None:
    if name not in found:
        return None
    value = _BOOLEANS.get(found[name].lower())
    if value is None:
        raise instruction.refuse(f"{name}={found[name]} is neither true nor false", at=name)
    return value


def _readonly(instruction: Instruction, kind: str, found: Mapping[str, str]) -> bool:
    readonly = _switch(instruction, found, "readonly")
    writable = _switch(instruction, found, "readwrite")
    if readonly is not None and writable is not None and readonly == writable:
        raise instruction.refuse("a mount cannot be both readonly and readwrite", at="readwrite")
    if readonly is None:
        readonly = kind not in ("cache", "tmpfs") if writable is None else not writable
    return readonly


def _number(instruction: Instruction, found: Mapping[str, str], name: str, base: int) -> int:
    value = found.get(name, "0")
    digits = frozenset("01234567" if base == 8 else "0123456789")
    number = int(value, base) if value and len(value) < 12 and digits.issuperset(value) else _MOST + 1
    if number > (0o7777 if base == 8 else _MOST):
        kind = "octal permissions like 0755" if base == 8 else "a number"
        raise instruction.refuse(f"{name}={value} is not {kind}", at=value or name)
    return number


def _size(instruction: Instruction, found: Mapping[str, str]) -> int:
    value = found.get("size", "0")
    size = quantity.size(value)
    if size is None or size < 0:
        raise instruction.refuse(f"size={value} is no size like 64m", at=value or "size")
    return size
