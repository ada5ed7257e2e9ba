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
_WORD = _ALNUM | frozenset("_.-")
_PART = _ALNUM | frozenset(".-")
_SIGNAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-")
_ADDRESS = frozenset("0123456789abcdefABCDEF.:")


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


def _is_name(text: str) -> bool:
    return text[:1] in _ALNUM and text != "" and _WORD.issuperset(text)


def _is_signal(text: str) -> bool:
    word = text.removeprefix("SIG")
    return word != "" and (_DIGITS if word == text else _SIGNAL).issuperset(word)


def _is_number(text: str) -> bool:
    return text != "" and _DIGITS.issuperset(text)


def _is_byte(text: str) -> bool:
    """A number up to 255, without zeros in front."""
    return _is_number(text) and len(text) <= 3 and int(text) <= 255 and (text == "0" or text[0] != "0")


def _is_address(text: str) -> bool:
    address, _, length = text.partition("/")
    return address != "" and _ADDRESS.issuperset(address) and _is_number(length) and len(length) <= 3


def _is_version(text: str) -> bool:
    """semver 2.0, loosely: three numbers without zeros in front, then perhaps -… and +…."""
    rest, plus, build = text.partition("+")
    core, dash, before = rest.partition("-")
    numbers = core.split(".")
    return (
        len(numbers) == 3
        and all(_is_number(one) and (one == "0" or one[0] != "0") for one in numbers)
        and (not dash or (before != "" and _PART.issuperset(before)))
        and (not plus or (build != "" and _PART.issuperset(build)))
    )


KNOWN: dict[str, Callable[[str], bool]] = {
    "^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|(?!sha256:|sha512:)[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+)$": (
        _is_digest
    ),
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$": (
        _is_date_time
    ),
    "^[0-9a-f]{64}$": _is_hex_id,
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$": _is_name,
    "^(?:SIG[A-Z0-9+-]+|[0-9]+)$": _is_signal,
    "^(?:[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])$": _is_byte,
    "^[0-9]+$": _is_number,
    "^(?:0|[1-9][0-9]*)\\.(?:0|[1-9][0-9]*)\\.(?:0|[1-9][0-9]*)(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?$": (
        _is_version
    ),
    "^[0-9a-fA-F.:]+/[0-9]{1,3}$": _is_address,
    "^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$": _is_media_type,
}
