"""The values of ctr-run's options: mounts, limits, devices. Pure."""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oci_spec.jsondoc import Document

    from .volume_mount import Wanted

_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
RELABEL = ("z", "Z")
"""Options of a mount that give its source a label of SELinux's: for any container, or for this one."""
_RELABELLED = {"shared": "z", "private": "Z"}
"""What --mount calls them."""
_MAPPED = "idmap"
"""Option of a bind mount: its owners are seen as those of a container with users of its own."""
_LIMITS = frozenset(
    "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)
_HOST_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
_TMPFS_FLAGS = frozenset(
    "ro rw nosuid suid nodev dev noexec exec sync async noatime atime nodiratime diratime relatime norelatime "
    "strictatime nostrictatime tmpcopyup".split()
)
_TMPFS_VALUES = {
    "size": r"[0-9]+[kKmMgG%]?", "nr_blocks": r"[0-9]+[kKmMgG]?", "nr_inodes": r"[0-9]+[kKmMgG]?",
    "mode": r"[0-7]{1,4}", "uid": r"[0-9]{1,10}", "gid": r"[0-9]{1,10}",
}  # fmt: skip
"""What tmpfs(5) takes, as far as it is one container's own affair."""
_TMPFS_DEFAULTS = ("nosuid", "nodev", "noexec")


class Mount:
    """One mount for a container: `kind` is bind, tmpfs, image or volume; a bind's `source` is a host path, which may
    begin with a dot and is made for `make`, and with `mapped` its owners are seen as the container's. A volume's is
    known when the container takes the volume, which `volume` says more of. Of an image, `subpath` alone is mounted, ''
    for all."""

    __slots__ = ("destination", "kind", "make", "mapped", "options", "source", "subpath", "volume")

    def __init__(
        self,
        kind: str,
        source: str,
        destination: str,
        options: list[str],
        make: bool = False,
        volume: Wanted | None = None,
        mapped: bool = False,
        subpath: str = "",
    ) -> None:
        self.kind = kind
        self.mapped = mapped
        self.subpath = subpath
        self.volume = volume
        self.source = source
        self.destination = destination
        self.options = options
        self.make = make

    def document(self) -> Document:
        """As a runtime-spec mount."""
        kind, source = ("tmpfs", "tmpfs") if self.kind == "tmpfs" else ("bind", self.source)
        return {"destination": self.destination, "type": kind, "source": source, "options": self.options}


def volume(text: str) -> Mount:
    """-v [SOURCE:]DESTINATION[:OPTION,…]; the source is a path that is made when it is missing, or a volume's name;
    without one, the volume is anonymous. Raises UsageError."""
    parts = text.split(":")
    if len(parts) == 1:
        parts = ["", text]
    elif not 2 <= len(parts) <= 3 or not parts[0] or not parts[1]:
        raise UsageError(f"--volume {text}", "is not [SOURCE:]DESTINATION[:OPTIONS]", "name two absolute paths")
    source, destination = parts[0], parts[1]
    words = parts[2].split(",") if len(parts) == 3 else []
    if not _is_path(source):
        return _named_volume(source, _destination(destination, text), words, f"--volume {text}")
    given = _bind_options([word for word in words if word != _MAPPED], f"--volume {text}")
    return Mount("bind", source, _destination(destination, text), given, make=True, mapped=_MAPPED in words)


def mount(text: str) -> Mount:
    """--mount type=bind|tmpfs|volume|image,source=…,destination=…[,readonly,…]. Raises UsageError."""
    from . import volume_mount

    subject = f"--mount {text}"
    given = volume_mount.split(text, subject)
    fields = {key: "true" if value is None else value for key, value in given}
    kind = fields.pop("type", "volume")
    if kind == "volume":
        return _volume_of_fields(given, text, subject)
    if kind not in ("bind", "tmpfs", "image"):
        raise UsageError(subject, f"type {kind or '(none)'} is not supported", "use type=bind, tmpfs, volume or image")
    destination = _destination(fields.pop("destination", ""), text)
    words = ["ro"] if _true(fields.pop("readonly", "false"), subject) else []
    if kind == "tmpfs":
        words += _TMPFS_DEFAULTS
        for key, option in (("tmpfs-size", "size"), ("tmpfs-mode", "mode")):
            if key in fields:
                words.append(f"{option}={fields.pop(key)}")
        _nothing_else(fields, subject)
        _check_tmpfs(words, subject)
        return Mount("tmpfs", "", destination, words)
    source = fields.pop("source", "")
    if kind == "image":
        if not source:
            raise UsageError(subject, "needs a source that is an image", "add source=NAME")
        part = fields.pop("image-subpath", "")
        if part.startswith("/") or ".." in part.split("/"):
            raise UsageError(subject, f"{part} leads out of the image", "name a path below its root")
        _nothing_else(fields, subject)
        return Mount("image", source, destination, ["rbind", "rprivate", "ro", "nosuid", "nodev"], subpath=part)
    if not _is_path(source):
        raise UsageError(subject, "needs a source that is a path", "add source=/path or source=./path")
    if "bind-propagation" in fields:
        words.append(fields.pop("bind-propagation"))
    if "bind-nonrecursive" in fields:
        words.append("bind" if _true(fields.pop("bind-nonrecursive"), subject) else "rbind")
    if "bind-recursive" in fields:
        words = recursion(fields.pop("bind-recursive"), words, subject)
    if "relabel" in fields:
        how = fields.pop("relabel")
        if how not in _RELABELLED:
            raise UsageError(subject, f"relabel={how} is not supported", "use relabel=shared or relabel=private")
        words.append(_RELABELLED[how])
    mapped = _true(fields.pop(_MAPPED, "false"), subject)
    _nothing_else(fields, subject)
    return Mount("bind", source, destination, _bind_options(words, subject), mapped=mapped)


def recursion(how: str, words: list[str], subject: str) -> list[str]:
    """A bind mount's options with what is mounted below it: `enabled` comes with it, `disabled` does not, and of a
    read-only one it can still be written to (`writable`), or not even that (`readonly`). Raises UsageError."""
    if how in ("writable", "readonly") and "ro" not in words:
        raise UsageError(subject, f"bind-recursive={how} is of what is read-only", "make it that, too")
    if how == "readonly":
        return ["rro" if word == "ro" else word for word in words]
    if how not in ("enabled", "disabled", "writable"):
        raise UsageError(subject, f"bind-recursive={how} means nothing", "enabled, disabled, writable or readonly")
    return [*words, "bind"] if how == "disabled" else words


def _named_volume(name: str, destination: str, words: list[str], subject: str) -> Mount:
    from . import volume_mount

    wanted = volume_mount.Wanted(name, subject)
    wanted.copy = "nocopy" not in words
    for word in words:
        if word.startswith("idmap="):
            wanted.idmap = word.removeprefix("idmap=")
            volume_mount.owners(wanted.idmap, subject)
    plain = [word for word in words if word not in ("copy", "nocopy") and not word.startswith("idmap=")]
    return Mount("volume", "", destination, _bind_options(plain, subject), volume=wanted)


def _volume_of_fields(given: list[tuple[str, str | None]], text: str, subject: str) -> Mount:
    from . import volume_mount

    wanted, fields = volume_mount.of_fields(given, subject)
    fields.pop("type", "")
    destination = _destination(fields.pop("destination", ""), text)
    words = ["ro"] if _true(fields.pop("readonly", "false"), subject) else []
    wanted.copy = not _true(fields.pop("volume-nocopy", "false"), subject)
    _nothing_else(fields, subject)
    return Mount("volume", "", destination, _bind_options(words, subject), volume=wanted)


def tmpfs(text: str) -> Mount:
    """--tmpfs DESTINATION[:OPTION,…]. Raises UsageError."""
    destination, _, words = text.partition(":")
    given = [word for word in words.split(",") if word]
    _check_tmpfs(given, f"--tmpfs {text}")
    opposites = {"suid": "nosuid", "dev": "nodev", "exec": "noexec"}
    off = {opposites[word] for word in given if word in opposites}
    defaults = [word for word in _TMPFS_DEFAULTS if word not in off and word not in given]
    return Mount("tmpfs", "", _destination(destination, text), [*defaults, *given])


def _check_tmpfs(words: list[str], subject: str) -> None:
    import re

    for word in words:
        name, equals, value = word.partition("=")
        if not (re.fullmatch(_TMPFS_VALUES.get(name, ""), value) if equals else name in _TMPFS_FLAGS):
            raise UsageError(
                subject, f"option {word} is not supported", "use size=64m, mode=1777, uid, gid, ro, exec, suid or dev"
            )


def _bind_options(words: list[str], subject: str) -> list[str]:
    found = []
    propagation = "rprivate"
    recursion = "rbind"
    for word in words:
        if word in _PROPAGATION:
            propagation = word
        elif word in ("bind", "rbind"):
            recursion = word
        elif word in ("ro", "rro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", *RELABEL):
            found.append(word)
        else:
            raise UsageError(
                subject, f"option {word or '(empty)'} is not supported", f"use ro, rw, {', '.join(_PROPAGATION)}"
            )
    if "rw" in found and {"ro", "rro"} & set(found):
        raise UsageError(subject, "is to be read-only and not read-only", "leave rw out, or ro")
    return [recursion, propagation, *found]


def _is_path(source: str) -> bool:
    """Whether a mount's source is a path of the host: an absolute one, or one from where we are that says so."""
    return source.partition("/")[0] in ("", ".", "..") and bool(source)


def _destination(text: str, whole: str) -> str:
    if not text.startswith("/") or text.rstrip("/") == "":
        raise UsageError(whole, "the destination is no absolute path below /", "name a path in the container")
    if ".." in text.split("/"):
        raise UsageError(whole, "the destination holds ..", "name it without")
    return text


def _nothing_else(fields: Mapping[str, str], subject: str) -> None:
    for key in fields:
        raise UsageError(subject, f"{key or '(empty)'} is not supported", "see ctr-run(1)")


def _true(text: str, subject: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise UsageError(subject, f"{text} is neither true nor false")
    return text in ("true", "1")


def ulimit(text: str) -> Document:
    """--ulimit NAME=SOFT[:HARD]; -1 or unlimited is no limit. Raises UsageError."""
    name, equals, values = text.partition("=")
    soft, colon, hard = values.partition(":")
    if not equals or name not in _LIMITS:
        raise UsageError(f"--ulimit {text}", "is not NAME=SOFT[:HARD]", f"names: {', '.join(sorted(_LIMITS))}")
    most = (1 << 64) - 1
    found = []
    for value in (soft, hard if colon else soft):
        if value in ("-1", "unlimited"):
            found.append(most)
        elif value.isascii() and value.isdigit() and len(value) <= 20 and int(value) <= most:
            found.append(int(value))
        else:
            raise UsageError(f"--ulimit {text}", f"{value or '(empty)'} is no number", "give numbers, or unlimited")
    if found[0] > found[1]:
        raise UsageError(f"--ulimit {text}", "the soft limit is above the hard limit")
    return {"type": f"RLIMIT_{name.upper()}", "soft": found[0], "hard": found[1]}


def host_name(text: str, option: str) -> str:
    """--hostname or --domainname: what the kernel takes and a line of /etc/hosts can hold. Raises UsageError."""
    if not 0 < len(text) <= 64 or not _HOST_NAME.issuperset(text) or text[0] in "-.":
        raise UsageError(f"{option} {text}", "is no host name", "use up to 64 letters, digits, - _ and .")
    return text


def cpu_list(text: str, subject: str) -> set[int]:
    """Numbers of processors, like 0-2,4. Raises UsageError."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() and len(end) < 6 for end in ends) or int(ends[0]) > int(ends[1]):
            raise UsageError(subject, f"{text!r} is no list of processors", "write it like 0-2,4")
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    return found


def device(text: str) -> tuple[str, str, str]:
    """--device SOURCE[:DESTINATION][:rwm]: host path, container path, access. Raises UsageError."""
    source, *rest = text.split(":")
    access = "rwm"
    if rest and not rest[-1].startswith("/"):
        access = rest.pop()
    if not source.startswith("/") or len(rest) > 1 or not access or not set(access) <= set("rwm"):
        raise UsageError(f"--device {text}", "is not SOURCE[:DESTINATION][:rwm]", "like /dev/fuse:/dev/fuse:rw")
    return source, rest[0] if rest else source, access


def device_rule(text: str) -> Document:
    """--device-cgroup-rule "TYPE MAJOR:MINOR ACCESS", like "c 10:200 rwm"; * for all. Raises UsageError."""
    import re

    found = re.fullmatch(r"([abc]) (\*|[0-9]{1,7}):(\*|[0-9]{1,7}) ([rwm]{1,3})", text)
    if found is None:
        raise UsageError(f"--device-cgroup-rule {text}", "is not TYPE MAJOR:MINOR ACCESS", "like 'c 10:200 rwm'")
    kind, major, minor, access = found.groups()
    chosen = {name: int(one) for name, one in (("major", major), ("minor", minor)) if one != "*"}
    return {"allow": True, "type": kind, **chosen, "access": access}


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """KEY=VALUE options; a bare KEY has the value ''. Raises UsageError."""
    found = {}
    for text in texts:
        key, _, value = text.partition("=")
        if not key:
            raise UsageError(f"{option} {text}", "has no key before =", "write KEY=VALUE")
        found[key] = value
    return found
