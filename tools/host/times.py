"""Moments: as documents have them, and as people write them. Here they are nanoseconds since the epoch."""

from __future__ import annotations

import time

from oci_spec import quantity

from ..errors import UsageError

_SECOND = 10**9


def of_seconds(seconds: float) -> int:
    """Nanoseconds of what the clock says; as exactly as a float can say it."""
    whole = int(seconds // 1)
    return whole * _SECOND + int((seconds - whole) * _SECOND)


def stamp(moment: int) -> str:
    """RFC 3339 in UTC, with all nine digits of a second, so that texts sort as moments do."""
    seconds, rest = divmod(moment, _SECOND)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def moment(text: str, now: float) -> int | None:
    """What people write for a moment: seconds since the epoch, like 1767225600 or 1767225600.5; so long before `now`,
    like 10m or 1h30m; or a date, with a time or without, of RFC 3339, in the host's time zone unless it names one.

    None for what is no moment.
    """
    whole, point, fraction = text.partition(".")
    if _is_number(whole) and len(whole) <= 11 and (_is_number(fraction) if point else not fraction):
        return int(whole) * _SECOND + _fraction(fraction)
    ago = quantity.seconds(text)
    return of_seconds(now) - of_seconds(ago) if ago is not None else _dated(text)


def asked(text: str | None, flag: str, now: float) -> int | None:
    """The moment that the option `flag` was given; None when it was not. Raises UsageError."""
    found = None if text is None else moment(text, now)
    if text is not None and found is None:
        raise UsageError(flag, f"{text!r} is no moment", "like 10m, 1767225600 or 2026-01-01T00:00:00Z")
    return found


def _dated(text: str) -> int | None:
    """`2026-01-01`, `2026-01-01T10:00`, `2026-01-01T10:00:00.5`, each with `Z`, `+02:00` or nothing behind its time."""
    date, separator, clock = text.upper().partition("T")
    offset: int | None = None
    if clock.endswith("Z"):
        clock, offset = clock[:-1], 0
    elif clock[-6:-5] in ("+", "-"):
        offset = _offset(clock[-6:])
        if offset is None:
            return None
        clock = clock[:-6]
    clock, point, fraction = clock.partition(".")
    if point and not (_is_number(fraction) and clock.count(":") == 2):
        return None
    form = ("%Y-%m-%dT%H:%M:%S" if clock.count(":") == 2 else "%Y-%m-%dT%H:%M") if separator else "%Y-%m-%d"
    if not (text.isascii() and len(date) == 10):
        return None
    try:
        found = time.strptime(f"{date}{separator}{clock}", form)
        if offset is None:
            seconds = int(time.mktime(found[:8] + (-1,)))
        else:
            from calendar import timegm

            seconds = timegm(found) - offset
    except (ValueError, OverflowError):
        return None
    return seconds * _SECOND + _fraction(fraction)


def _offset(text: str) -> int | None:
    """Seconds of `+02:00`."""
    hours, colon, minutes = text[1:].partition(":")
    if not colon or not _is_number(hours) or not _is_number(minutes) or int(minutes) > 59:
        return None
    return (int(hours) * 3600 + int(minutes) * 60) * (-1 if text[0] == "-" else 1)


def _fraction(digits: str) -> int:
    """Nanoseconds of the digits behind a point."""
    return int(digits[:9].ljust(9, "0"))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
