"""How the values of a compose file are written, and the one form that each is brought to.

A form is a function from a value to its canonical value. It changes what has the shape that it expects and leaves
everything else alone: the schema says afterwards what is wrong with that, in its words. What has the right shape and
makes no sense (a size that is none) is refused here.

Sizes become bytes (int), durations Go's notation (`1m30s`), file modes octal digits (`0440`), lists and mappings of
`KEY=VALUE` mappings, and a value of null is left out: it says nothing.
"""

from __future__ import annotations

from .positions import Mapping, Sequence
from .scalars import numeral, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Table
    from typing import Any

    from .positions import Where

    Form = Callable[[Any, "Where"], Any]


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
