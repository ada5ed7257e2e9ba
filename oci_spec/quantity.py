"""Amounts as people write them, and as Docker's and Compose's documents have them: sizes in bytes, spans of time."""

from __future__ import annotations

_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_NANOSECONDS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
    "d": 86400 * 10**9, "w": 604800 * 10**9,
}  # fmt: skip
_DIGITS = frozenset("0123456789.")
_MOST_DIGITS = 18


def size(text: str) -> int | None:
    """Bytes: a decimal number with an optional binary unit (k, m, g, t, p; `mb` and `MiB` too); -1 is unlimited.

    None for what is no size.
    """
    if text == "-1":
        return -1
    lower = text.lower()
    if lower[-1:] == "b":
        lower = lower[:-1]
        if lower[-1:] == "i" and lower[-2:-1] in _SIZES and len(lower) > 2:
            lower = lower[:-1]
    unit = lower[-1:] if lower[-1:].isalpha() else ""
    if unit not in _SIZES:
        return None
    whole, _, fraction = lower.removesuffix(unit).partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()):
        return None
    # Integers all the way: 0.1g is the same number of bytes on every machine.
    scale: int = 10 ** len(fraction)
    return int(digits) * _SIZES[unit] // scale


def seconds(text: str) -> float | None:
    """Seconds of `90s`, `500ms`, `1m30s`, `1h30m`, `7d`, `2w`, 0.5s (Go's notation, and days and weeks); a bare whole
    number is seconds. Whole seconds are an int. None for what is no duration."""
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= _MOST_DIGITS else None
    total, position = 0, 0
    while position < len(text):
        number = position
        while text[position : position + 1] in _DIGITS:
            position += 1
        unit = position
        while position < len(text) and text[position] not in _DIGITS:
            position += 1
        whole, _, fraction = text[number:unit].partition(".")
        digits = whole + fraction
        scale = _NANOSECONDS.get(text[unit:position])
        if scale is None or not digits.isdigit() or len(digits) > _MOST_DIGITS:
            return None
        total += int(digits) * scale // int(10 ** len(fraction))
    return of_nanoseconds(total) if text else None


def of_nanoseconds(number: int) -> float:
    """Nanoseconds in seconds; whole seconds are an int."""
    return number // 10**9 if number % 10**9 == 0 else number / 10**9


def moment(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time in UTC (`2026-01-02T03:04:05Z`, with or without a fraction), as our
    own documents have it. Raises ValueError."""
    date, _, clock = text.removesuffix("Z").partition("T")
    year, month, day = map(int, date.split("-"))
    hours, minutes, seconds = clock.split(":")
    # Days since 1970 by the civil calendar, with years that begin in March.
    year -= month < 3
    era_year = year % 400
    days = era_year * 365 + era_year // 4 - era_year // 100 + (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days += year // 400 * 146097 - 719468
    return days * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
