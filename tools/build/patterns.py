"""Wildcards in the sources of COPY and ADD, as Go's filepath.Match has them: none stands for a slash. Pure."""

from __future__ import annotations

_SPECIAL = frozenset(b"*?[\\")


def is_pattern(part: bytes) -> bool:
    """Whether a path's part stands for more than itself."""
    return not _SPECIAL.isdisjoint(part)


def matches(pattern: bytes, name: bytes) -> bool:
    """Whether one part of a path fits. Raises ValueError for a pattern that is none."""
    import re

    return re.fullmatch(_expression(pattern), name, re.DOTALL) is not None


def _expression(pattern: bytes) -> bytes:
    import re

    found = b""
    at = 0
    while at < len(pattern):
        one = pattern[at : at + 1]
        at += 1
        if one == b"*":
            found += b"[^/]*"
        elif one == b"?":
            found += b"[^/]"
        elif one == b"\\":
            if at == len(pattern):
                raise ValueError("it ends with a backslash")
            found += re.escape(pattern[at : at + 1])
            at += 1
        elif one == b"[":
            piece, at = _class(pattern, at)
            found += piece
        else:
            found += re.escape(one)
    return found


def _class(pattern: bytes, at: int) -> tuple[bytes, int]:
    """`[a-z]`, `[^a-z]`: the expression, and where it ends."""
    import re

    negated = pattern[at : at + 1] in (b"^", b"!")
    at += negated
    ranges = b""
    while pattern[at : at + 1] != b"]" or not ranges:
        low, at = _character(pattern, at)
        high = low
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] != b"]":
            high, at = _character(pattern, at + 1)
        if high < low:
            raise ValueError("a range in it runs backwards")
        ranges += re.escape(low) + b"-" + re.escape(high)
    return b"[" + (b"^/" if negated else b"") + ranges + b"]", at + 1


def _character(pattern: bytes, at: int) -> tuple[bytes, int]:
    if pattern[at : at + 1] == b"\\":
        at += 1
    if at >= len(pattern):
        raise ValueError("a [ in it is never closed")
    return pattern[at : at + 1], at + 1
