"""How the values of a compose file are written, and the one form that each is brought to.

A form is a function from a value to its canonical value. It changes what has the shape that it expects and leaves
everything else alone: the schema says afterwards what is wrong with that, in its words. What has the right shape and
makes no sense (a size that is none) is refused here.

Sizes become bytes (int), durations Go's notation (`1m30s`), file modes octal digits (`0440`), lists and mappings of
`KEY=VALUE` mappings, and a value of null is left out: it says nothing.
"""

from __future__ import annotations

from oci_spec import quantity

from .positions import ComposeError, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Table
    from typing import Any

    from .positions import Place

    Form = Callable[[Any, "Where"], Any]

_FLAGS = {
    "true": True, "yes": True, "on": True, "y": True, "1": True, "t": True,
    "false": False, "no": False, "off": False, "n": False, "0": False, "f": False,
}  # fmt: skip


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


def fields(table: Table[str, Form], *, keep: frozenset[str] = frozenset()) -> Form:
    """Of a mapping with known keys, each member in its form. A null is left out, but for those keys in `keep`; a key
    that is not in `table` stays as it is."""

    def form(value: Any, where: Where) -> Any:
        if not isinstance(value, Mapping):
            return value
        new = Mapping(value.place)
        new.tags.update(value.tags)
        new.places.update(value.places)
        for key, member in value.items():
            if member is None and key not in keep:
                continue
            shape = table.get(key)
            new[key] = member if shape is None else shape(member, where.at(key, value.place_of(key)))
        return new

    return form


def members(shape: Form, *, empty: bool = False) -> Form:
    """Of a mapping with the user's keys, each member in one form. A null stands for an empty mapping with `empty`, else
    it stays."""

    def form(value: Any, where: Where) -> Any:
        if not isinstance(value, Mapping):
            return value
        new = Mapping(value.place)
        new.tags.update(value.tags)
        new.places.update(value.places)
        for key, member in value.items():
            place = value.place_of(key)
            said = Mapping(place) if member is None and empty else member
            new[key] = shape(said, where.at(key, place))
        return new

    return form


def items(shape: Form) -> Form:
    """Of a list, each item in one form; where that gives a Sequence, all of its items."""

    def form(value: Any, where: Where) -> Any:
        if not isinstance(value, Sequence):
            return value
        new = Sequence(value.place)
        for number, member in enumerate(value):
            place = value.place_of(number)
            made = shape(member, where.at(number, place))
            for one in made if isinstance(made, Sequence) else (made,):
                new.put(one, place)
        return new

    return form


def numeral(value: Any, where: Where) -> Any:  # noqa: ARG001
    """A word that may be written as a number, as a string."""
    return written(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def written(value: Any) -> str:
    """A scalar as text, as Go prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e6:
            return str(int(value))
        short = repr(value)
        if abs(value) >= 1e6 and "e" not in short:
            mantissa, _, exponent = f"{value:.17e}".partition("e")
            digits = short.replace(".", "").lstrip("-").rstrip("0")
            sign = "-" if value < 0 else ""
            mantissa = f"{sign}{digits[0]}{'.' + digits[1:] if digits[1:] else ''}"
            return f"{mantissa}e+{int(exponent):02d}"
        return short
    return str(value)


def flag(value: Any, where: Where) -> Any:
    if isinstance(value, str) and not where.unknown(value):
        found = _FLAGS.get(value.lower())
        if found is None:
            raise where.refuse(f"{value!r} is no truth value", "write true or false")
        return found
    return value


def whole(value: Any, where: Where) -> Any:
    """An integer."""
    if isinstance(value, str) and not where.unknown(value):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise where.refuse(f"{value!r} is no whole number")
        return int(value)
    return value


def number(value: Any, where: Where) -> Any:
    """A number, as an int where it is a whole one."""
    if isinstance(value, str) and not where.unknown(value):
        digits = value.removeprefix("-").replace(".", "", 1)
        if not (digits.isascii() and digits.isdigit()):
            raise where.refuse(f"{value!r} is no number", "like 1.5")
        value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def size(value: Any, where: Where) -> Any:
    """Bytes."""
    if isinstance(value, str) and not where.unknown(value):
        found = quantity.size(value)
        if found is None:
            raise where.refuse(f"{value!r} is no size in bytes", "like 65536, 512k, 64m or 1.5g")
        return found
    return int(value) if isinstance(value, float) and value.is_integer() else value


def size_text(value: Any, where: Where) -> Any:
    """Bytes as a string of digits, where the specification has no number."""
    found = size(value, where)
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else found


def duration(value: Any, where: Where) -> Any:
    """A span of time, in Go's notation."""
    if not isinstance(value, str) or where.unknown(value):
        return value
    found = quantity.seconds(value)
    if found is None or (value.isdigit() and value != "0"):
        raise where.refuse(f"{value!r} is no duration", "like 500ms, 10s or 1m30s")
    return go_duration(found)


def go_duration(seconds: float) -> str:
    """Seconds as Go writes them: 1h0m0s, 1m30s, 1.5s, 100ms."""
    nanoseconds = round(seconds * 10**9)
    if nanoseconds < 10**9:
        for unit, length in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if nanoseconds >= length:
                return _decimal(nanoseconds, length) + unit
        return "0s"
    minutes, rest = divmod(nanoseconds, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{head}{_decimal(rest, 10**9)}s"


def _decimal(value: int, scale: int) -> str:
    places = len(str(scale)) - 1
    fraction = str(value % scale).rjust(places, "0").rstrip("0")
    return f"{value // scale}{'.' + fraction if fraction else ''}"


def mode(value: Any, where: Where) -> Any:
    """Permissions of a file: an octal number, as such or in quotes."""
    if isinstance(value, str) and not where.unknown(value):
        digits = value.removeprefix("0o")
        if not digits or not set(digits) <= set("01234567") or len(digits) > 5:
            raise where.refuse(f"{value!r} is no file mode", 'like 0440 or "0440"')
        return "0" + digits.lstrip("0")
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= 0o7777:
            raise where.refuse(f"{value} is no file mode", 'like 0440 or "0440"')
        return f"0{value:o}"
    return value


def words(value: Any, where: Where) -> Any:
    """A list of strings; one string is a list of one."""
    if isinstance(value, str):
        new = Sequence(where.place)
        new.put(value, where.place)
        return new
    return value


def numerals(value: Any, where: Where) -> Any:
    return _numerals(value, where)


_numerals = items(numeral)


def command(value: Any, where: Where) -> Any:
    """The words of a command. A string is split as a shell splits it, and no shell runs; null is kept: it takes back
    what another file says, and leaves the image's."""
    if not isinstance(value, str) or where.unknown(value):
        return value
    import shlex

    new = Sequence(where.place)
    try:
        split = shlex.split(value.replace("\\\n", ""))  # a line that goes on, as for a shell
    except ValueError as error:
        raise where.refuse(f"{value!r} cannot be split: {str(error).lower()}", "quote it, or write a list") from None
    for word in split:
        new.put(word, where.place)
    return new


def _pairs(value: Any, where: Where, bare: str | None) -> Any:
    """A mapping of `KEY=VALUE` items, or of a mapping with scalars; `bare` is the value of a key without one."""
    new = Mapping(where.place)
    if isinstance(value, Mapping):
        new.tags.update(value.tags)
        new.places.update(value.places)
        for key, member in value.items():
            if isinstance(member, (Mapping, Sequence)):
                raise where.at(key, value.place_of(key)).refuse("is no text, number or truth value")
            new[key] = bare if member is None else member if isinstance(member, str) else written(member)
        return new
    if isinstance(value, Sequence):
        for number, item in enumerate(value):
            place = value.place_of(number)
            if not isinstance(item, str):
                raise where.at(number, place).refuse(f"{written(item)!r} is no KEY=VALUE", "quote it")
            key, equals, rest = item.partition("=")
            if not key:
                raise where.at(number, place).refuse(f"{item!r} has no key")
            new.put(key, rest if equals else bare, place)
        return new
    return value


def variables(value: Any, where: Where) -> Any:
    """A mapping of names to strings; null for one that takes its value from the environment."""
    return _pairs(value, where, None)


def labels(value: Any, where: Where) -> Any:
    """A mapping of names to strings; a name alone has the empty one."""
    return _pairs(value, where, "")


def options(value: Any, where: Where) -> Any:
    """A driver's settings: a mapping of names to strings, whose values may be written as numbers."""
    return _pairs(value, where, "") if isinstance(value, Mapping) else value


def path(value: Any, where: Where) -> Any:
    """A path on the host, absolute."""
    if not isinstance(value, str) or where.unknown(value):
        return value
    import os

    if value == "~" or value.startswith("~/"):
        if not where.source.home:
            raise where.refuse(f"{value!r} needs a home directory, and HOME is not set")
        value = where.source.home + value[1:]
    return os.path.normpath(os.path.join(where.source.directory, value))


def paths(value: Any, where: Where) -> Any:
    return _paths(words(value, where), where)


_paths = items(path)


def is_remote(value: str) -> bool:
    """Whether a build context is no directory of this host."""
    return "://" in value or value.startswith(("git@", "github.com/", "service:"))
