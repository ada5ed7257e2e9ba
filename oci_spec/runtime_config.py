"""The runtime's documents (runtime-spec 1.2): config.json of a bundle, a container's state, a runtime's features.

Views over documents that are kept whole: what a later version of the spec adds stays in `document`.
"""

from __future__ import annotations

from . import jsondoc, semantics, validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .jsondoc import Document

VERSION = "1.2.0"
"""The version of the spec that our configs are written to."""


class _View:
    __slots__ = ("document",)

    def __init__(self, document: Document) -> None:
        """Takes a document that already passed the check; use `parse` for anything from outside."""
        self.document = document

    @property
    def annotations(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.document.get("annotations") or {}  # type: ignore[assignment]
        return found

    def _object(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.get(name) or {}  # type: ignore[assignment]
        return found


class Config(_View):
    """A bundle's config.json."""

    __slots__ = ()

    @classmethod
    def parse(cls, data: bytes, subject: str = "config.json") -> Config:
        """The config in `data`. Raises FormatError, also where the parts contradict each other."""
        return cls.of(jsondoc.load_object(data, subject), subject)

    @classmethod
    def of(cls, value: object, subject: str = "config.json") -> Config:
        """As `parse`, of a document that is loaded already."""
        document = validate.check("runtime-config", value, subject)
        semantics.check("runtime-config", document, subject)
        return cls(document)

    @property
    def version(self) -> str:
        return str(self.document["ociVersion"])

    @property
    def root(self) -> str | None:
        """The root file system's path, relative to the bundle when it does not begin with a slash."""
        return self._object("root").get("path")

    @property
    def args(self) -> list[str]:
        """The process's arguments; [] when the config has no process."""
        return list(self._object("process").get("args") or ())

    @property
    def env(self) -> list[str]:
        return list(self._object("process").get("env") or ())

    @property
    def cwd(self) -> str | None:
        return self._object("process").get("cwd")

    @property
    def terminal(self) -> bool:
        """Whether the process gets a terminal of its own."""
        return bool(self._object("process").get("terminal"))

    @property
    def mounts(self) -> list[Mapping[str, Any]]:
        """In the order they are made."""
        found: list[Mapping[str, Any]] = self.document.get("mounts") or []  # type: ignore[assignment]
        return found

    def namespace(self, kind: str) -> str | None:
        """The path of a namespace to join, '' for a new one, None for the runtime's own."""
        for entry in self._object("linux").get("namespaces") or ():
            if entry["type"] == kind:
                return str(entry.get("path") or "")
        return None


class State(_View):
    """A container's state, as `runc state` prints it and hooks read it."""

    __slots__ = ()

    @classmethod
    def parse(cls, data: bytes, subject: str = "state") -> State:
        """The state in `data`. Raises FormatError."""
        return cls(validate.check("runtime-state", jsondoc.load_object(data, subject), subject))

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def status(self) -> str:
        """creating, created, running or stopped; or a runtime's own, like paused."""
        return str(self.document["status"])

    @property
    def pid(self) -> int:
        """The first process, in the host's count; 0 when there is none."""
        return int(self.document.get("pid") or 0)  # type: ignore[call-overload, no-any-return]

    @property
    def bundle(self) -> str:
        return str(self.document["bundle"])


class Features(_View):
    """What a runtime can do, as `runc features` prints it. What it does not say is unknown: None."""

    __slots__ = ()

    @classmethod
    def parse(cls, data: bytes, subject: str = "features") -> Features:
        """The features in `data`. Raises FormatError."""
        return cls(validate.check("runtime-features", jsondoc.load_object(data, subject), subject))

    @property
    def versions(self) -> tuple[str, str]:
        """The lowest and the highest version of the spec whose configs it takes."""
        return str(self.document["ociVersionMin"]), str(self.document["ociVersionMax"])

    @property
    def mount_options(self) -> frozenset[str] | None:
        """Options of mounts that it knows."""
        return _words(self.document.get("mountOptions"))

    @property
    def namespaces(self) -> frozenset[str] | None:
        return _words(self._object("linux").get("namespaces"))

    @property
    def capabilities(self) -> frozenset[str] | None:
        return _words(self._object("linux").get("capabilities"))

    def cgroup(self, kind: str) -> bool | None:
        """Whether it was built for `v1`, `v2`, `systemd`, `systemdUser` or `rdma`."""
        return (self._object("linux").get("cgroup") or {}).get(kind)

    @property
    def seccomp(self) -> bool | None:
        return (self._object("linux").get("seccomp") or {}).get("enabled")

    @property
    def apparmor(self) -> bool | None:
        return (self._object("linux").get("apparmor") or {}).get("enabled")

    @property
    def selinux(self) -> bool | None:
        return (self._object("linux").get("selinux") or {}).get("enabled")


def merge(base: object, patch: object) -> object:
    """`base` with `patch` laid over it (RFC 7386): objects by member, null removes, anything else replaces.

    Neither argument is changed; the result shares their parts.
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _words(value: object) -> frozenset[str] | None:
    return frozenset(value) if isinstance(value, list) else None
