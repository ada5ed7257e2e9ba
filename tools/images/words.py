"""Words as Dockerfile instructions have them: split at blanks, quoted as in a shell; see lexer for their variables."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

from .lexer import BLANKS, Lexer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def split(text: str, escape: str = "\\") -> list[str]:
    """The words of `text`, each with its quotes and escapes still in it. Raises FormatError for an open quote."""
    words: list[str] = []
    word = quote = ""
    inside = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == escape and quote != "'":
            escaped = inside = True
        elif quote:
            if character == quote:
                quote = ""
        elif character in "'\"":
            quote, inside = character, True
        elif character in BLANKS:
            if inside:
                words.append(word)
            word, inside = "", False
            continue
        else:
            inside = True
        word += character
    if quote:
        raise FormatError(text, f"a quote {quote} is not closed")
    return [*words, word] if inside else words


def pairs(text: str, escape: str = "\\") -> list[tuple[str, str]]:
    """Names and values of `K=V K="V W"`, or of the older `K V W`, each with its quotes and escapes still in it. Raises
    FormatError."""
    if is_old_pair(text, escape):
        key, *rest = text.split(maxsplit=1)
        if not rest:
            raise FormatError(text, f"{key} has no value")
        return [(key, rest[0])]
    return [_pair(word) for word in split(text, escape)]


def is_old_pair(text: str, escape: str = "\\") -> bool:
    """Whether a name comes first that has no equals sign: all behind it is its value, quotes or not. Raises
    FormatError."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    if not set("'\"" + escape) & set(first):
        return "=" not in first
    return "=" not in split(text, escape)[0]


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.strip("'\""):
        raise FormatError(word, f"{word!r} is no pair like NAME=value")
    return name, value


def expand(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """`text` without its quotes and escapes, its variables replaced. Raises FormatError."""
    return Lexer(variables, escape).word(text)
