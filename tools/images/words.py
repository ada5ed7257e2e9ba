"""Words as Dockerfile instructions have them: split at blanks, quoted as in a shell, with variables.

`$NAME`, `${NAME}`, and `${NAME:-word}`, `${NAME:+word}`, `${NAME:?word}`, which take an empty variable for one that is
not set, and the same without the colon, which don't. In single quotes nothing is special; in double quotes `$` is, and
the backslash before `$`, `"` and itself.
"""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_BLANKS = " \t\r\n"
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_FURTHER = _FIRST | frozenset("0123456789")


def split(text: str) -> list[str]:
    """The words of `text`, each with its quotes and escapes still in it. Raises FormatError for an open quote."""
    words: list[str] = []
    word = quote = ""
    inside = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = inside = True
        elif quote:
            if character == quote:
                quote = ""
        elif character in "'\"":
            quote, inside = character, True
        elif character in _BLANKS:
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


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`text` without its quotes and escapes, its variables replaced. Raises FormatError."""
    found, end = _expand(text, 0, "", variables)
    assert end == len(text)
    return found


def _expand(text: str, position: int, closing: str, variables: Mapping[str, str]) -> tuple[str, int]:
    """What stands from `position` up to a `closing` that is neither quoted nor escaped; and where that is."""
    parts: list[str] = []
    while position < len(text):
        character = text[position]
        if character == closing:
            return "".join(parts), position
        position += 1
        if character == "\\" and position == len(text):
            raise FormatError(text, "ends with a backslash")
        if character == "\\" and closing != '"':
            parts.append(text[position : position + 1])
            position += 1
        elif character == "\\":
            taken = text[position : position + 1]
            parts.append(taken if taken in ("$", '"', "\\") else character + taken)
            position += 1
        elif character == "'" and closing != '"':
            end = text.find("'", position)
            if end < 0:
                raise FormatError(text, "a quote ' is not closed")
            parts.append(text[position:end])
            position = end + 1
        elif character == '"':
            quoted, position = _expand(text, position, '"', variables)
            position += 1
            parts.append(quoted)
        elif character == "$":
            value, position = _variable(text, position, variables)
            parts.append(value)
        else:
            parts.append(character)
    if closing:
        raise FormatError(text, f"a {closing} is missing")
    return "".join(parts), position


def _variable(text: str, position: int, variables: Mapping[str, str]) -> tuple[str, int]:
    """The value of the variable whose `$` stands before `position`; and where it ends."""
    braced = text[position : position + 1] == "{"
    begin = end = position + braced
    if text[begin : begin + 1] in _FIRST:
        while text[end : end + 1] in _FURTHER:
            end += 1
    name = text[begin:end]
    if not name:
        if braced:
            raise FormatError(text, "${ is not followed by a name")
        return "$", position
    value = variables.get(name)
    if not braced:
        return value or "", end
    if text[end : end + 1] == "}":
        return value or "", end + 1
    colon = text[end : end + 1] == ":"
    operator = text[end + colon : end + colon + 1]
    if operator not in ("-", "+", "?"):
        raise FormatError(text, f"${{{name}{text[end : end + 2]}… is not supported (:- :+ :? - + ? are)")
    word, end = _expand(text, end + colon + 1, "}", variables)
    given = bool(value) if colon else value is not None
    if operator == "-":
        return value or "" if given else word, end + 1
    if operator == "+":
        return word if given else "", end + 1
    if not given:
        raise FormatError(text, f"{name}: {word or 'is not set'}")
    return value or "", end + 1
