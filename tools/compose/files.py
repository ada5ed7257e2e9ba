"""Which files a project is read from, and reading them."""

from __future__ import annotations

import os

from ..errors import NotFound, OcipipeError, Unavailable
from .positions import ComposeError, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

STDIN = "-"
_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = ("compose.override.yaml", "compose.override.yml", "docker-compose.override.yml",
              "docker-compose.override.yaml")  # fmt: skip
_WIDEST = 100
"""Characters of a line that a message shows."""


def chosen(files: Sequence[str], variables: Mapping[str, str], start: str, warnings: list[str]) -> list[str]:
    """The compose files, absolute, or - for stdin: those that are named, those in COMPOSE_FILE, or the one with a usual
    name in `start` or the nearest directory above it, with its override beside it. Raises NotFound."""
    if not files and variables.get("COMPOSE_FILE"):
        files = [one for one in variables["COMPOSE_FILE"].split(variables.get("COMPOSE_PATH_SEPARATOR") or ":") if one]
    if files:
        return [one if one == STDIN else os.path.abspath(one) for one in files]
    directory = start
    while True:
        found = [name for name in _NAMES if os.path.isfile(os.path.join(directory, name))]
        if found:
            break
        if directory == "/":
            raise NotFound("compose.yaml", f"not in {start} nor above it", "write one, or name a file with -f")
        directory = os.path.dirname(directory)
    if len(found) > 1:
        warnings.append(f"{directory} has {' and '.join(found)}: {found[0]} is used")
    overrides = [name for name in _OVERRIDES if os.path.isfile(os.path.join(directory, name))]
    if len(overrides) > 1:
        warnings.append(f"{directory} has {' and '.join(overrides)}: {overrides[0]} is used")
    return [os.path.join(directory, name) for name in (*found[:1], *overrides[:1])]


def shown(path: str) -> str:
    """A path as messages have it: from the current directory where it lies below that."""
    here = os.getcwd().rstrip("/") + "/"
    return path[len(here) :] if path.startswith(here) else path


def read(path: str, stdin: BinaryIO | None = None) -> bytes:
    """The bytes of a file that the user named, or of stdin for -. Raises NotFound, Unavailable."""
    if path == STDIN and stdin is not None:
        parts = []
        while chunk := stdin.read(1 << 16):
            parts.append(chunk)
        return b"".join(parts)
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotFound(shown(path), "no such file") from None
    except OSError as error:
        raise Unavailable(shown(path), f"cannot be read: {os.strerror(error.errno or 0).lower()}") from None


def line(place: Place) -> str:
    """The line that is meant, with its number, as people are shown it; '' where it cannot be had again."""
    try:
        with open(place.file, "rb") as file:
            found = file.read().split(b"\n")[place.line - 1 : place.line] if place.line else []
    except OSError:
        return ""
    text = found[0].decode("utf-8", "replace").rstrip() if found else ""
    return f"  {place.line} | {text if len(text) <= _WIDEST else text[: _WIDEST - 1] + '…'}" if text else ""


def read_for(path: str, place: Place, key: Sequence[str | int]) -> bytes:
    """The bytes of a file that a compose file names. Raises ComposeError with the place that does."""
    try:
        return read(path)
    except OcipipeError as error:
        raise ComposeError(place, key, f"{error.subject}: {error.problem}") from None
