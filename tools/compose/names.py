"""Names: of projects, and of what they make (compose-spec, 04-version-and-name.md)."""

from __future__ import annotations

_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_REST = _FIRST | frozenset("-_")
RULE = "lower case letters, digits, - and _, with a letter or digit first"


def is_project(name: str) -> bool:
    """Whether a project may have this name."""
    return bool(name) and name[0] in _FIRST and _REST.issuperset(name)


def of_directory(directory: str) -> str:
    """The name of a project that says none: its directory's, in what a name may have; '' where nothing is left."""
    base = directory.rstrip("/").rpartition("/")[2].lower()
    return "".join(character for character in base if character in _REST).lstrip("-_")


def container(project: str, service: str, number: int) -> str:
    """The name of a service's container, counted from 1."""
    return f"{project}-{service}-{number}"


def image(project: str, service: str) -> str:
    """The name of the image that a service is built as, where it says none."""
    return f"{project}-{service}"


def resource(project: str, key: str) -> str:
    """The name of a network, volume, secret or config that says none."""
    return f"{project}_{key}"
