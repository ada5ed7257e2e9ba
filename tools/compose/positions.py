"""Values that know where they were written.

A compose document is made of Mappings and Sequences, which are ordinary dicts and lists of JSON values with one thing
more: `places`, the file and line of each member. Whoever makes one out of another hands the places on, so that what is
wrong with the end result is still told where it was written.
"""

from __future__ import annotations

from ..errors import OcipipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

RESET, OVERRIDE = "reset", "override"


class Place:
    """Where something stands: `file` as the user named it (- for stdin), `line` from 1; 0 where there is none."""

    __slots__ = ("file", "line")

    def __init__(self, file: str, line: int) -> None:
        self.file = file
        self.line = line

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


NOWHERE = Place("the command line", 0)


class Mapping(dict[str, "Any"]):
    """A mapping of the document. `places`: of each key; `tags`: key to RESET (which has no value) or OVERRIDE."""

    __slots__ = ("place", "places", "tags")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}
        self.tags: dict[str, str] = {}

    def put(self, key: str, value: Any, place: Place) -> None:
        self[key] = value
        self.places[key] = place

    def drop(self, key: str) -> None:
        self.pop(key, None)
        self.places.pop(key, None)

    def place_of(self, key: str) -> Place:
        return self.places.get(key, self.place)


class Sequence(list["Any"]):
    """A list of the document. `places`: of each item."""

    __slots__ = ("place", "places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: list[Place] = []

    def put(self, value: Any, place: Place) -> None:
        self.append(value)
        self.places.append(place)

    def place_of(self, number: int) -> Place:
        return self.places[number] if number < len(self.places) else self.place


class ComposeError(OcipipeError):
    """Something in a compose file, or in a file that it names, that cannot be used. The message begins with file, line
    and key; `detail` has them apart."""

    code = "COMPOSE"

    def __init__(self, place: Place, path: Iterable[str | int], problem: str, remedy: str = "") -> None:
        key = dotted(path)
        self.place = place
        super().__init__(
            f"{place}{': ' if key else ''}{key}", problem, remedy,
            detail={"file": place.file, "line": place.line, "key": key},
        )  # fmt: skip


def dotted(path: Iterable[str | int]) -> str:
    """A path as people read it: `services.web.ports[0].target`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f"{'.' if text else ''}{part if part.isprintable() else repr(part)[1:-1]}"
    return text


def place_at(document: Any, path: Iterable[str | int]) -> Place:
    """Where the part of `document` at `path` was written; of what it lies in, where it was not written itself."""
    place: Place = getattr(document, "place", NOWHERE)
    for part in path:
        if isinstance(document, Mapping) and isinstance(part, str) and (part in document or part in document.places):
            place = document.places.get(part, place)
            document = document.get(part)
        elif isinstance(document, Sequence) and isinstance(part, int) and part < len(document):
            place = document.place_of(part)
            document = document[part]
        else:
            break
    return place


def copied(value: Any) -> Any:
    """A document of its own, to be changed without changing the other."""
    if isinstance(value, Mapping):
        new = Mapping(value.place)
        for key, member in value.items():
            new[key] = copied(member)
        new.places.update(value.places)
        new.tags.update(value.tags)
        return new
    if isinstance(value, Sequence):
        items = Sequence(value.place)
        items.extend(map(copied, value))
        items.places.extend(value.places)
        return items
    return value


class Source:
    """Whose values these are. `directory`: what relative paths start at; `home`: for ~, '' where it is not known;
    `literal`: variables have not been replaced, so what has a dollar sign is left as it is."""

    __slots__ = ("directory", "home", "literal")

    def __init__(self, directory: str, home: str, *, literal: bool = False) -> None:
        self.directory = directory
        self.home = home
        self.literal = literal


class Where:
    """The place of a value: in the file, and in the document."""

    __slots__ = ("path", "place", "source")

    def __init__(self, source: Source, place: Place, path: list[str | int]) -> None:
        self.source = source
        self.place = place
        self.path = path

    def refuse(self, problem: str, remedy: str = "") -> ComposeError:
        return ComposeError(self.place, self.path, problem, remedy)

    def at(self, key: str | int, place: Place) -> Where:
        return Where(self.source, place, [*self.path, key])

    def unknown(self, value: Any) -> bool:
        """Whether a value is not known before its variables are."""
        return self.source.literal and isinstance(value, str) and "$" in value
