"""Times as documents have them, and durations and moments as people write them."""

from __future__ import annotations

import time

from ..errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def stamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC with all nine digits of a second, so that texts sort as times do."""
    whole = int(seconds // 1)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((seconds - whole) * 1e9):09d}Z"


def duration(text: str, flag: str) -> float:
    """Seconds of `90s`, `10m`, `1h30m`, `7d`, `2w`; a bare number is seconds. Raises UsageError."""
    total, number = 0.0, ""
    for character in text:
        if character.isascii() and (character.isdigit() or character == "."):
            number += character
        elif character in _UNITS and number.count(".") <= 1 and number.strip("."):
            total += float(number) * _UNITS[character]
            number = ""
        else:
            raise _no_duration(text, flag)
    if number:
        if number != text or not number.isdigit():
            raise _no_duration(text, flag)
        total = float(number)
    elif not text:
        raise _no_duration(text, flag)
    return total


def _no_duration(text: str, flag: str) -> UsageError:
    return UsageError(flag, f"{text!r} is no duration", "like 90s, 10m, 1h30m, 7d")
