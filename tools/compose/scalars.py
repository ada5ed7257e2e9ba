"""Scalars: a word, a number, a truth value, an amount of bytes or of time, each in its one form."""

from __future__ import annotations

from oci_spec import quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .positions import Where

_FLAGS = {
    "true": True, "yes": True, "on": True, "y": True, "1": True, "t": True,
    "false": False, "no": False, "off": False, "n": False, "0": False, "f": False,
}  # fmt: skip
_MOST_DIGITS = 18


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
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
            raise where.refuse(f"{value[:40]!r} is no whole number")
        return int(value)
    return value


def number(value: Any, where: Where) -> Any:
    """A number, as an int where it is a whole one."""
    if isinstance(value, str) and not where.unknown(value):
        digits = value.removeprefix("-").replace(".", "", 1)
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
            raise where.refuse(f"{value[:40]!r} is no number", "like 1.5")
        value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def size(value: Any, where: Where) -> Any:
    """Bytes."""
    if isinstance(value, str) and not where.unknown(value):
        found = quantity.size(value) if len(value) <= _MOST_DIGITS else None
        if found is None:
            raise where.refuse(f"{value[:40]!r} is no size in bytes", "like 65536, 512k, 64m or 1.5g")
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
