"""Variables in the values of a compose file (compose-spec, 12-interpolation.md).

`$NAME` and `${NAME}`; `${NAME:-word}`, `${NAME:?message}`, `${NAME:+word}` take an empty variable for one that is not
set, and the same without the colon don't. A word may hold variables itself, which are looked at only where it is used.
`$$` is a dollar sign. Keys are never looked at. A variable that is not set is empty, and is told of.
"""

from __future__ import annotations

from .positions import ComposeError, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Variables
    from typing import Any

    from .positions import Place

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NAME = _LETTERS | frozenset("0123456789")


class Refused(ValueError):
    """What cannot be interpolated: `problem` and `remedy` as in an OcipipeError."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(problem)


def substitute(text: str, variables: Variables[str, str], missing: Callable[[str], None]) -> str:
    """`text` with the values of its variables; `missing` is called with the name of each that has none. Raises
    Refused."""
    at = text.find("$")
    if at < 0:
        return text
    parts: list[str] = []
    begin = 0
    while at >= 0:
        parts.append(text[begin:at])
        following = text[at + 1 : at + 2]
        if following == "$":
            parts.append("$")
            begin = at + 2
        elif following == "{":
            begin = _closing(text, at + 1) + 1
            parts.append(_braced(text[at + 2 : begin - 1], text[at:begin], variables, missing))
        elif following in _LETTERS and following:
            begin = _name_end(text, at + 1)
            parts.append(_value(text[at + 1 : begin], variables, missing))
        else:
            raise Refused(f"{_shown(text[at:])} is no variable", "write $$ for a dollar sign")
        at = text.find("$", begin)
    parts.append(text[begin:])
    return "".join(parts)


def _name_end(text: str, position: int) -> int:
    while text[position : position + 1] in _NAME and position < len(text):
        position += 1
    return position


def _closing(text: str, opening: int) -> int:
    """Where the brace that opens at `opening` is closed."""
    depth = 0
    for position in range(opening, len(text)):
        if text[position] == "{":
            depth += 1
        elif text[position] == "}":
            depth -= 1
            if not depth:
                return position
    raise Refused(f"the brace of {_shown(text[opening - 1 :])} is not closed", "write $$ for a dollar sign")


def _braced(inner: str, whole: str, variables: Variables[str, str], missing: Callable[[str], None]) -> str:
    end = _name_end(inner, 0)
    name, rest = inner[:end], inner[end:]
    if not name or name[0] not in _LETTERS:
        raise Refused(f"{_shown(whole)} is no variable", "write $$ for a dollar sign")
    if not rest:
        return _value(name, variables, missing)
    colon = rest[0] == ":"
    operator, word = rest[colon : colon + 1], rest[colon + 1 :]
    value = variables.get(name)
    there = bool(value) if colon else value is not None
    if operator == "-":
        return value if there and value is not None else substitute(word, variables, missing)
    if operator == "+":
        return substitute(word, variables, missing) if there else ""
    if operator == "?":
        if there and value is not None:
            return value
        message = substitute(word, variables, missing)
        state = "is empty" if value is not None else "is not set"
        raise Refused(f"the variable {name} {state}{f': {message}' if message else ''}", "set it, or put it into .env")
    raise Refused(f"{_shown(whole)} has no modifier of Compose", "those are :- - :? ? :+ and +")


def _value(name: str, variables: Variables[str, str], missing: Callable[[str], None]) -> str:
    value = variables.get(name)
    if value is None:
        missing(name)
        return ""
    return value


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def interpolate(document: Mapping, variables: Variables[str, str], missing: Callable[[str, Place], None]) -> None:
    """Replaces the variables in all values of `document`, in place. `missing` is called with the name and place of each
    that has no value. Raises ComposeError."""
    _Walk(variables, missing).mapping(document, [])


class _Walk:
    def __init__(self, variables: Variables[str, str], missing: Callable[[str, Place], None]) -> None:
        self.variables = variables
        self.missing = missing

    def mapping(self, document: Mapping, path: list[str | int]) -> None:
        for key, value in document.items():
            if value.__class__ is str:
                if "$" in value:
                    document[key] = self.text(value, document.place_of(key), [*path, key])
            elif isinstance(value, Mapping):
                self.mapping(value, [*path, key])
            elif isinstance(value, Sequence):
                self.sequence(value, [*path, key])

    def sequence(self, document: Sequence, path: list[str | int]) -> None:
        for number, value in enumerate(document):
            if value.__class__ is str:
                if "$" in value:
                    document[number] = self.text(value, document.place_of(number), [*path, number])
            elif isinstance(value, Mapping):
                self.mapping(value, [*path, number])
            elif isinstance(value, Sequence):
                self.sequence(value, [*path, number])

    def text(self, value: str, place: Place, path: list[str | int]) -> Any:
        try:
            return substitute(value, self.variables, lambda name: self.missing(name, place))
        except Refused as error:
            raise ComposeError(place, path, error.problem, error.remedy) from None


def escaped(value: Any) -> Any:
    """A document whose interpolation gives `value`: each dollar sign in a value is written twice."""
    if isinstance(value, str):
        return value.replace("$", "$$") if "$" in value else value
    if isinstance(value, dict):
        return {key: escaped(member) for key, member in value.items()}
    if isinstance(value, list):
        return [escaped(member) for member in value]
    return value
