"""Wildcards in paths, as Go's filepath.Match has them, and `**` where it is one (.dockerignore). Pure.

`*` and `?` stand for anything within one name, `[a-z]` and `[^a-z]` for one character of it; a backslash takes the next
character as it is. `**` stands for any number of names. What is no UTF-8 is a character a byte.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SPECIAL = frozenset("*?[\\")


def is_pattern(text: str) -> bool:
    """Whether a path, or a part of one, stands for more than itself."""
    return not _SPECIAL.isdisjoint(text)


def compiled(pattern: str, *, deep: bool) -> Callable[[str], object]:
    """Tells of a text whether it fits. `deep`: `**` crosses slashes. Raises ValueError for a pattern that is none."""
    import re

    return re.compile(_expression(pattern, deep), re.DOTALL).fullmatch


def _expression(pattern: str, deep: bool) -> str:
    from re import escape

    found = ""
    at = 0
    while at < len(pattern):
        one = pattern[at]
        at += 1
        if one == "*" and deep and pattern[at : at + 1] == "*":
            at += 1
            at += pattern[at : at + 1] == "/"
            found += "(?:.*/)?" if at < len(pattern) else ".*"
        elif one == "*":
            found += "[^/]*"
        elif one == "?":
            found += "[^/]"
        elif one == "\\":
            if at == len(pattern):
                raise ValueError("it ends with a backslash")
            found += escape(pattern[at])
            at += 1
        elif one == "[":
            piece, at = _class(pattern, at)
            found += piece
        else:
            found += escape(one)
    return found


def _class(pattern: str, at: int) -> tuple[str, int]:
    """`[a-z]`, `[^a-z]`: the expression, and where it ends."""
    from re import escape

    negated = pattern[at : at + 1] == "^"
    at += negated
    ranges = ""
    while pattern[at : at + 1] != "]" or not ranges:
        low, at = _character(pattern, at)
        high = low
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] != "]":
            high, at = _character(pattern, at + 1)
        if high < low:
            raise ValueError("a range in it runs backwards")
        ranges += escape(low) + "-" + escape(high)
    return f"[{'^/' if negated else ''}{ranges}]", at + 1


def _character(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at : at + 1] == "\\":
        at += 1
    if at >= len(pattern):
        raise ValueError("a [ in it is never closed")
    return pattern[at], at + 1
