"""What every object of a cluster has, a name and labels; and what is told of a key that has no counterpart. Pure."""

from __future__ import annotations

import math

from oci_spec import quantity

from .positions import ComposeError, dotted, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .project import Project

    Path = tuple[str | int, ...]

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_LABEL = _LETTERS | frozenset("0123456789-")
_VALUE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_LONGEST = 52
"""Characters of a name: a label has 63, from which a StatefulSet takes what it calls its pods' revisions."""
_LONGEST_VALUE = 63
PREFIX = "app.kubernetes.io/"


def label(text: str) -> str:
    """A text as a DNS label that begins with a letter (RFC 1035, which RFC 1123's are too), '' where nothing is left:
    small letters, other characters `-`, one that is too long cut and ended by a part of its hash."""
    name = "".join(one if one in _LABEL else "-" for one in text.lower()).strip("-")
    if name and name[0] not in _LETTERS:
        name = f"x-{name}"
    if len(name) > _LONGEST:
        import hashlib

        name = f"{name[: _LONGEST - 9].rstrip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return name


def is_value(text: str) -> bool:
    """Whether a label may have this value."""
    return not text or (
        len(text) <= _LONGEST_VALUE and _VALUE.issuperset(text) and text[0].isalnum() and text[-1].isalnum()
    )


def is_host(text: str) -> bool:
    """Whether this is the name of a host (RFC 1123), in small letters."""
    return len(text) <= 253 and all(
        one and len(one) <= _LONGEST_VALUE and _LABEL.issuperset(one) and one[0] != "-" and one[-1] != "-"
        for one in text.split(".")
    )


def is_key(text: str) -> bool:
    """Whether a label or annotation may be called so: a name, perhaps with a domain and a slash before it."""
    domain, slash, name = text.rpartition("/")
    return bool(name) and is_value(name) and (not slash or is_host(domain))


class Objects:
    """The objects of one project: how they are called, and what is to be told about them.

    project    whose they are
    model      its model with only the services that are asked for, and what they use
    tell       takes what a user should know, a sentence
    """

    def __init__(self, project: Project, services: Sequence[str], tell: Callable[[str], None]) -> None:
        self.project = project
        self.model = project.selected(services)
        self.tell = tell
        self._names: dict[tuple[str, str], str] = {}
        self._taken: dict[tuple[str, str], str] = {}

    def warn(self, path: Path, problem: str, remedy: str = "") -> None:
        place = place_at(self.project.model, path)
        self.tell(f"{place}: {dotted(path)}: {problem}{f' ({remedy})' if remedy else ''}")

    def name(self, section: str, key: str) -> str:
        """The name of the object that becomes of a part of the model: its key there, or the name of what is external.
        Raises ComposeError for one that cannot be a name, or that another one has."""
        path = (section, key)
        if path in self._names:
            return self._names[path]
        one = self.project.model[section][key]
        text = str(one["name"]) if one.get("external") else key
        name = label(text)
        if not name:
            raise ComposeError(
                place_at(self.project.model, path), path, f"nothing of {text!r} can be a name in Kubernetes",
                "give it another name",
            )  # fmt: skip
        other = self._taken.setdefault((section, name), key)
        if other != key:
            raise ComposeError(
                place_at(self.project.model, path), path, f"would be called {name}, as {other} is",
                "give one of them another name",
            )  # fmt: skip
        if name != text:
            self.warn(path, f"is called {name} there", "names are small letters, digits and -")
        self._names[path] = name
        return name

    def metadata(self, name: str, service: str = "") -> dict[str, Any]:
        """An object's metadata: its name, and the labels by which people and tools know whose it is."""
        return {"name": name, "labels": self.labels(service)}

    def selector(self, service: str) -> dict[str, str]:
        """The labels that the pods of a service alone have."""
        return {f"{PREFIX}name": self.name("services", service), f"{PREFIX}instance": label(self.project.name)}

    def labels(self, service: str = "") -> dict[str, str]:
        project = label(self.project.name)
        own = self.selector(service) if service else {f"{PREFIX}instance": project}
        return {**own, f"{PREFIX}part-of": project, f"{PREFIX}managed-by": "ocipipe"}


class Source:
    """A service of the model, `keys`, that objects are made of; `path`s start at it."""

    def __init__(self, objects: Objects, service: str) -> None:
        self.objects = objects
        self.service = service
        self.keys: Any = objects.model["services"][service]

    @property
    def name(self) -> str:
        return self.objects.name("services", self.service)

    def warn(self, path: Path, problem: str, remedy: str = "") -> None:
        self.objects.warn(("services", self.service, *path), problem, remedy)

    def seconds(self, text: str, path: Path) -> int:
        """A duration in the whole seconds that Kubernetes counts, rounded up."""
        exact = quantity.seconds(text) or 0
        found = math.ceil(exact)
        if found != exact:
            self.warn(path, f"{text} is rounded to {found}s")
        return found
