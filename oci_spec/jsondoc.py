"""JSON as OCI means it: one strict way in, one canonical way out.

Loading refuses what two readers could understand differently (duplicate keys, NaN, a number beyond a double, half a
surrogate pair, a byte-order mark, trailing garbage), because a digest promises that everyone who checks it saw the
same document. Dumping gives one line
without insignificant white space, keys in the order the document has them.

What was received is never serialised again: keep the bytes, pass them on, and use the parsed view to read only.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn, TypeAlias

    Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
    Document: TypeAlias = "dict[str, object]"


class FormatError(ValueError):
    """A document or a string that breaks its format.

    `subject` names what was read (a type, a reference, a digest), `problem` says what is wrong in lower case,
    `pointer` is the JSON pointer (RFC 6901) of the place where there is one.
    """

    def __init__(self, subject: str, problem: str, pointer: str = "") -> None:
        self.subject = subject
        self.problem = problem
        self.pointer = pointer
        super().__init__(f"{subject}: {pointer + ': ' if pointer else ''}{problem}")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"key {json.dumps(key)} stands twice in one object")
            seen.add(key)
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_INFINITY = float("inf")


def _finite(text: str) -> float:
    value = float(text)
    if abs(value) == _INFINITY:
        raise ValueError(f"the number {text[:40]} is too large")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
_BORDERS = json.JSONDecoder()
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_SORTED = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def loads(data: bytes | str, subject: str = "document") -> object:
    """The value in `data`. Raises FormatError for anything but one strict JSON text in UTF-8."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if text.startswith("\ufeff"):
            raise ValueError("it begins with a byte-order mark")
        value = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:
            dumps(value)
        return value
    except (ValueError, RecursionError) as error:
        raise _refusal(error, subject) from None


def load_object(data: bytes | str, subject: str = "document") -> Document:
    """The object in `data`; FormatError also when the JSON text is some other value."""
    value = loads(data, subject)
    if not isinstance(value, dict):
        raise FormatError(subject, "not a JSON object")
    return value


def split(data: bytes, subject: str = "document") -> list[bytes]:
    """The texts of a concatenation of JSON values; `data` as it is when it holds one value, or none that can be read.

    Only the borders are found here: each text is still to be loaded.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(error, subject) from None
    parts: list[bytes] = []
    position, end = _skip(text, 0), len(text)
    while position < end:
        try:
            _, after = _BORDERS.raw_decode(text, position)
        except (ValueError, RecursionError):
            after = end
        parts.append(text[position:after].encode())
        position = _skip(text, after)
    return parts if len(parts) > 1 else [data]


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _refusal(error: ValueError | RecursionError, subject: str) -> FormatError:
    if isinstance(error, UnicodeDecodeError):
        return FormatError(subject, f"not UTF-8 at byte {error.start}")
    if isinstance(error, UnicodeEncodeError):
        return FormatError(subject, "not Unicode: an escape stands for half a surrogate pair")
    if isinstance(error, json.JSONDecodeError):
        return FormatError(subject, f"not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}")
    if isinstance(error, RecursionError):
        return FormatError(subject, "nested too deeply")
    if "digits" in str(error):
        return FormatError(subject, "holds a number of too many digits")
    return FormatError(subject, f"not JSON: {error}")


def dumps(value: object, *, sort_keys: bool = False) -> bytes:
    """One compact line of UTF-8 with no line end. Keys keep their order unless `sort_keys`."""
    return (_SORTED if sort_keys else _ENCODER).encode(value).encode("utf-8")
