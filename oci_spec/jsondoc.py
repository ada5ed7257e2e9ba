"""JSON as OCI means it: one strict way in, one canonical way out.

Loading refuses what two readers could understand differently (duplicate keys, NaN, a number beyond a double, half a
surrogate pair, a byte-order mark, trailing garbage), because a digest promises that everyone who checks it saw the
same document. Dumping gives one line without insignificant white space, keys in the order the document has them.

What was received is never serialised again: keep the bytes, pass them on, and use the parsed view to read only.

The package json is imported to explain a refusal, or where its C parts are not as we know them. They do the work
themselves otherwise: the package takes 10 ms to import (for the regular expressions that the C parts do without), as
long as Python's whole start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from json import JSONDecoder
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
                raise ValueError(f"key {dumps(key).decode()} stands twice in one object")
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


class _Strict:
    """What the scanner asks of its decoder."""

    strict = True
    object_hook = None
    object_pairs_hook = staticmethod(_unique)
    parse_constant = staticmethod(_no_constant)
    parse_float = staticmethod(_finite)
    parse_int = int


def _decoder() -> JSONDecoder:
    from json import JSONDecoder

    return JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _c_scanner() -> Callable[[str, int], tuple[object, int]] | None:
    """`scan(text, position) -> (value, end)` of the C module, None where it is not as we know it."""
    try:
        from _json import make_scanner

        scan: Callable[[str, int], tuple[object, int]] = make_scanner(_Strict())  # type: ignore[arg-type]
        return scan if scan('{"a": [1, "\\u00e4"]}', 0) == ({"a": [1, "ä"]}, 20) else None
    except Exception:
        return None


def _encoder(sort_keys: bool) -> Callable[[object], str]:
    """What makes JSON of a value, by the C module where it is as we know it."""
    try:
        from _json import encode_basestring, make_encoder

        def encode(value: object) -> str:
            """With marks of its own: those of a value that was refused would be taken for a circle."""
            return "".join(
                make_encoder({}, _no_json, encode_basestring, None, ":", ",", sort_keys, False, False)(value, 0)
            )

        if encode({"a": [1, "ä"]}) == '{"a":[1,"ä"]}':
            return encode
    except Exception:
        pass
    from json import JSONEncoder

    return JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys).encode


def _no_json(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} is no JSON value")


_UNREADABLE = (StopIteration, ValueError, SystemError)
"""What the scanner raises. It looks for its own error class in json.decoder and is at a loss where nobody loaded it."""
_scan = _c_scanner()
_encode = _encoder(False)


def loads(data: bytes | str, subject: str = "document") -> object:
    """The value in `data`. Raises FormatError for anything but one strict JSON text in UTF-8."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        if text.startswith("\ufeff"):
            raise ValueError("it begins with a byte-order mark")
        value = _decode(text)
        if "\\ud" in text or "\\uD" in text:
            dumps(value)
        return value
    except (ValueError, RecursionError) as error:
        raise _refusal(error, subject) from None


def _decode(text: str) -> object:
    """The value of `text`. Raises ValueError, from the decoder that has words for what is wrong."""
    if _scan is not None:
        try:
            value, end = _scan(text, _skip(text, 0))
            if _skip(text, end) == len(text):
                return value
        except _UNREADABLE:
            pass
    return _decoder().decode(text)


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
    position = _skip(text, 0)
    while position < len(text):
        after = _end_of_value(text, position)
        parts.append(text[position:after].encode())
        position = _skip(text, after)
    return parts if len(parts) > 1 else [data]


def _end_of_value(text: str, position: int) -> int:
    """Where the JSON value that begins at `position` ends, strict or not; the text's end where there is none."""
    if _scan is not None:
        try:
            return _scan(text, position)[1]
        except (*_UNREADABLE, RecursionError):
            pass
    from json import JSONDecoder

    try:
        return JSONDecoder().raw_decode(text, position)[1]
    except (ValueError, RecursionError):
        return len(text)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _refusal(error: ValueError | RecursionError, subject: str) -> FormatError:
    from json import JSONDecodeError

    if isinstance(error, UnicodeDecodeError):
        return FormatError(subject, f"not UTF-8 at byte {error.start}")
    if isinstance(error, UnicodeEncodeError):
        return FormatError(subject, "not Unicode: an escape stands for half a surrogate pair")
    if isinstance(error, JSONDecodeError):
        return FormatError(subject, f"not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}")
    if isinstance(error, RecursionError):
        return FormatError(subject, "nested too deeply")
    if "digits" in str(error):
        return FormatError(subject, "holds a number of too many digits")
    return FormatError(subject, f"not JSON: {error}")


def dumps(value: object, *, sort_keys: bool = False) -> bytes:
    """One compact line of UTF-8 with no line end. Keys keep their order unless `sort_keys`."""
    return (_encoder(True) if sort_keys else _encode)(value).encode("utf-8")
