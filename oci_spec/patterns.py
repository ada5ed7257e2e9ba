"""The patterns of our schemas that every command meets, as code: `KNOWN` has a test for each by its text.

Importing `re` takes longer than all that is checked with it. The schemas stay the truth: a pattern that is not here,
or that was changed there, is compiled, and a test compares each of these with what `re` says.
"""

from __future__ import annotations

from . import digest
from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_ALNUM = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_NAME = _ALNUM | frozenset("!#$&^_.+-")
_DIGITS = frozenset("0123456789")
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_ENCODED = _ALNUM | frozenset("=_-")


def _is_digest(text: str) -> bool:
    """image-spec descriptor.md, Digests: what is registered in its own form, any other as the grammar has it."""
    algorithm, colon, encoded = text.partition(":")
    if algorithm in digest.LENGTHS:
        try:
            digest.parse(text)
        except FormatError:
            return False
        return True
    if not colon or not encoded or not _ENCODED.issuperset(encoded):
        return False
    for separator in "+.-":
        algorithm = algorithm.replace(separator, "_")
    return all(part and _LOWER.issuperset(part) for part in algorithm.split("_"))


def _is_media_type(text: str) -> bool:
    """RFC 6838, section 4.2: type/subtype, each a restricted-name."""
    names = text.split("/")
    return len(names) == 2 and all(
        0 < len(name) <= 127 and name[0] in _ALNUM and _NAME.issuperset(name) for name in names
    )


def _is_date_time(text: str) -> bool:
    """RFC 3339, section 5.6; the ranges of its numbers are not looked at."""
    if len(text) < 20 or text[10] not in "Tt" or not _is_shaped(text[:10], "0000-00-00"):
        return False
    if not _is_shaped(text[11:19], "00:00:00"):
        return False
    zone = text[19:]
    if zone.startswith("."):
        rest = zone[1:].lstrip("0123456789")
        if len(rest) == len(zone) - 1:
            return False
        zone = rest
    return zone in ("Z", "z") or (zone[:1] in ("+", "-") and _is_shaped(zone[1:], "00:00"))


def _is_shaped(text: str, shape: str) -> bool:
    """Whether each character is a digit where `shape` has a 0, and what `shape` has elsewhere."""
    return len(text) == len(shape) and all(
        one in _DIGITS if wanted == "0" else one == wanted for one, wanted in zip(text, shape, strict=True)
    )


def _is_hex_id(text: str) -> bool:
    return len(text) == 64 and frozenset("0123456789abcdef").issuperset(text)


KNOWN: dict[str, Callable[[str], bool]] = {
    "^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+)$": (
        _is_digest
    ),
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$": (
        _is_date_time
    ),
    "^[0-9a-f]{64}$": _is_hex_id,
    "^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$": _is_media_type,
}
