"""What a service has mounted, as options of ctr-create: volumes and paths, secrets and configs. Pure."""

from __future__ import annotations

from ..errors import UsageError
from ..runtime import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from .words import Path, Words

    Grant = tuple[str, str, str, str, str]


def words(said: Words, files: Mapping[Grant, str], kept: Mapping[str, str], names: Mapping[str, str]) -> None:
    """The mounts. `files`, `kept` and `names` as in translate.Around."""
    taken = set()
    for number, one in enumerate(said.keys.get("volumes") or ()):
        taken.add(one["target"])
        _MOUNTS[one["type"]](said, one, ("volumes", number), kept.get(one["target"], ""))
    said.each("tmpfs", "--tmpfs", options.tmpfs)
    for place, name in kept.items():
        if place not in taken:
            said.said.append(f"--volume={name}:{place}")
    for number, text in enumerate(said.keys.get("volumes_from") or ()):
        name, _, mode = text.removeprefix("container:").partition(":")
        name = name if text.startswith("container:") else names.get(name, name)
        said.option("--volumes-from", f"{name}:{mode}" if mode else name, ("volumes_from", number))
    for section, number, grant, target in grants(said.keys):
        path = files.get(grant)
        if path is not None:
            _path(said, path, target, ["ro"], (section, number))


def grants(keys: Mapping[str, Any]) -> Iterator[tuple[str, int, Grant, str]]:
    """The secrets and configs of a service: section, number in it, what is given to whom, where it is to be."""
    for section in ("secrets", "configs"):
        for number, one in enumerate(keys.get(section) or ()):
            rights = (one.get("uid"), one.get("gid"), one.get("mode"))
            grant = (section, str(one["source"]), *("" if right is None else str(right) for right in rights))
            yield section, number, grant, str(one["target"])  # type: ignore[misc]


def _path(said: Words, source: str, target: str, flags: list[str], path: Path) -> None:
    """A path of the host that is there."""
    if ":" in source or ":" in target:
        if "," in source or "," in target:
            raise said.refuse(path, f"{source} has both a colon and a comma, which no option takes", "rename it")
        said.option("--mount", _fields("bind", source, target, flags), path, options.mount)
    else:
        said.option("--volume", f"{source}:{target}{_flags(flags)}", path, options.volume)


def _flags(words: list[str]) -> str:
    return f":{','.join(words)}" if words else ""


_FIELDS = {"ro": "readonly", "rro": "readonly,bind-recursive=readonly", "bind": "bind-recursive=disabled",
           "z": "relabel=shared", "Z": "relabel=private"}  # fmt: skip
"""What --mount has for an option of --volume."""


def _fields(kind: str, source: str, target: str, flags: list[str], *more: str) -> str:
    fields = [f"type={kind}", *([f"source={source}"] if source else []), f"destination={target}"]
    for word in flags:
        fields.append(_FIELDS.get(word) or f"bind-propagation={word}")
    return ",".join([*fields, *more])


def _bind(said: Words, one: Mapping[str, Any], path: Path, kept: str) -> None:  # noqa: ARG001
    bind = one.get("bind") or {}
    flags = ["ro"] if one.get("read_only") else []
    flags += [bind[key] for key in ("propagation",) if bind.get(key)]
    try:
        flags = options.recursion(str(bind.get("recursive", "enabled")), flags, "bind.recursive")
    except UsageError as error:
        raise said.refuse((*path, "bind", "recursive"), error.problem, error.remedy) from None
    flags += [bind["selinux"]] if bind.get("selinux") else []
    makes = bind.get("create_host_path", True)
    source, target = str(one["source"]), str(one["target"])
    if makes and ":" not in source + target:
        said.option("--volume", f"{source}:{target}{_flags(flags)}", path, options.volume)
        return
    if "," in source + target:
        raise said.refuse(path, f"{source} has a comma, which the option takes for a divider", "rename it")
    said.option("--mount", _fields("bind", source, target, flags), path, options.mount)


def _volume(said: Words, one: Mapping[str, Any], path: Path, kept: str) -> None:
    volume = one.get("volume") or {}
    source = said.model["volumes"][one["source"]]["name"] if one.get("source") else kept
    more = ["volume-nocopy=true"] if volume.get("nocopy") else []
    if volume.get("subpath"):
        more.append(f"volume-subpath={volume['subpath']}")
    if not one.get("source"):
        more += [f'"volume-label={key}={value}"' for key, value in (volume.get("labels") or {}).items()]
    elif volume.get("labels"):
        raise said.refuse((*path, "volume", "labels"), "is for a volume without a name", "write them under volumes")
    flags = ["ro"] if one.get("read_only") else []
    said.option("--mount", _fields("volume", source, str(one["target"]), flags, *more), path, options.mount)


def _tmpfs(said: Words, one: Mapping[str, Any], path: Path, kept: str) -> None:  # noqa: ARG001
    tmpfs = one.get("tmpfs") or {}
    more = [f"tmpfs-size={tmpfs['size']}"] if tmpfs.get("size") else []
    more += [f"tmpfs-mode={tmpfs['mode']}"] if tmpfs.get("mode") else []
    flags = ["ro"] if one.get("read_only") else []
    said.option("--mount", _fields("tmpfs", "", str(one["target"]), flags, *more), path, options.mount)


def _image(said: Words, one: Mapping[str, Any], path: Path, kept: str) -> None:  # noqa: ARG001
    part = (one.get("image") or {}).get("subpath")
    more = [f"image-subpath={part}"] if part else []
    said.option("--mount", _fields("image", str(one["source"]), str(one["target"]), [], *more), path, options.mount)


_MOUNTS = {"bind": _bind, "volume": _volume, "tmpfs": _tmpfs, "image": _image}
