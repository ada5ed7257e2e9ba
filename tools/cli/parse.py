"""The fast parser: a command line to values, straight from the declaration. The only parser on the hot path.

What is accepted is what getopt_long accepts, without abbreviations: `--name VALUE`, `--name=VALUE`, `-n VALUE`,
`-nVALUE`, clusters of short flags (`-it`, `-itv VALUE`), `--` before words that begin with a dash, options after
operands. A flag takes `=true` or `=false`, so that a default can be turned off. Of an option that is no list, the last
one given counts, and only that is looked at. `-` is an operand. `--help` and `--version` end the parsing where they
stand: what follows is not looked at.

Operands are filled from the left; where there are fewer words than operands, the required ones go first (`img-push
[SOURCE] DEST` with one word has a DEST).
"""

from __future__ import annotations

from ..errors import UsageError
from .declare import COMMON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .declare import Command, Operand, Option

_TRUTH = {"true": True, "false": False}


def parse(command: Command, argv: Sequence[str]) -> dict[str, Any]:
    """The value of every option and operand of `command`, by dest. Raises UsageError."""
    known: dict[str, Option] = {}
    values: dict[str, Any] = {}
    last: dict[str, tuple[Option, str, str]] = {}
    for option in (*COMMON, *command.options):
        values[option.dest] = [] if option.many else option.default
        for flag in option.flags:
            known[flag] = option
    words: list[str] = []
    singles = sum(not operand.many for operand in command.operands) if command.verbatim else -1
    position, end = 0, len(argv)
    while position < end:
        word = argv[position]
        position += 1
        if word == "--":
            words += argv[position:]
            break
        if len(word) < 2 or word[0] != "-":
            words.append(word)
            if len(words) == singles:
                words += argv[position:]
                break
            continue
        if word[1] == "-":
            flag, given, text = word.partition("=")
            rest = ""
        else:
            flag, given, text, rest = word[:2], "", "", word[2:]
        while flag:
            found = known.get(flag)
            if found is None:
                raise _unknown(command, flag if word[1] == "-" else word, flag, known)
            if found.kind == "flag":
                if given and text not in _TRUTH:
                    raise UsageError(flag, f"{text!r} is no truth value", "write true or false, or leave it out")
                values[found.dest] = _TRUTH[text] if given else True
                if values[found.dest] and found.dest in ("help", "version"):
                    return values
                flag, rest = rest and "-" + rest[0], rest[1:]
                continue
            if rest:
                text = rest
            elif not given:
                if position == end:
                    raise UsageError(flag, f"needs a value ({found.metavar})", f"see {command.name} --help")
                text = argv[position]
                position += 1
            if found.many:
                values[found.dest].append(convert(found, text, flag))
            else:
                last[found.dest] = (found, text, flag)
            break
    for dest, (option, text, flag) in last.items():
        values[dest] = convert(option, text, flag)
    _assign(command, words, values)
    return values


def convert(option: Option, text: str, flag: str) -> Any:
    """`text` as a value of the option's kind. Raises UsageError, naming `flag`."""
    if option.choices and text not in option.choices:
        raise UsageError(flag, f"{text!r} is not among its values", f"choose from {', '.join(option.choices)}")
    if option.kind == "text":
        return text
    value = _CONVERT[option.kind](text)
    if value is None:
        raise UsageError(flag, f"{text!r} is no {_NOUN[option.kind]}", _LIKE[option.kind])
    return value


def _integer(text: str) -> int | None:
    digits = text[1:] if text[:1] in ("-", "+") else text
    return int(text) if digits.isascii() and digits.isdigit() else None


def _number(text: str) -> float | None:
    whole, _, fraction = (text[1:] if text[:1] in ("-", "+") else text).partition(".")
    digits = whole + fraction
    return float(text) if digits.isascii() and digits.isdigit() else None


def _size(text: str) -> int | None:
    from oci_spec import quantity

    return quantity.size(text)


_CONVERT: dict[str, Callable[[str], Any]] = {"integer": _integer, "number": _number, "bytes": _size}
_NOUN = {"integer": "whole number", "number": "number", "bytes": "size in bytes"}
_LIKE = {"integer": "like 2", "number": "like 1.5", "bytes": "like 65536, 512k, 64m or 1.5g"}


def _assign(command: Command, words: list[str], values: dict[str, Any]) -> None:
    spare = len(words) - sum(needed(command, operand) for operand in command.operands)
    position = 0
    for operand in command.operands:
        count = 1 if needed(command, operand) else 0
        if spare > 0 and (operand.many or not count):
            extra = spare if operand.many else 1
            count += extra
            spare -= extra
        found = words[position : position + count]
        if len(found) < count:
            raise missing(command, operand)
        position += count
        values[operand.dest] = found if operand.many else found[0] if found else None
    if position < len(words):
        raise UsageError(words[position], "unexpected operand", f"see {command.name} --help")


def needed(command: Command, operand: Operand) -> bool:
    """Whether the command line must hold this operand. Objects that can come from stdin are the launcher's to miss."""
    return operand.required and not (command.reads and operand.dest == command.objects)


def missing(command: Command, operand: Operand) -> UsageError:
    """The refusal of a command line without a required operand."""
    piped = command.reads and operand.dest == command.objects
    remedy = f"name one or pipe {command.reads} documents in, " if piped else ""
    return UsageError(operand.name, "missing operand", f"{remedy}see {command.name} --help")


def _unknown(command: Command, shown: str, flag: str, known: dict[str, Option]) -> UsageError:
    remedy = f"see {command.name} --help"
    if flag.startswith("--") and len(flag) > 2:
        from difflib import get_close_matches

        # A name that was cut short is the likeliest mistake, and no close match by letters.
        near = [name for name in known if name.startswith(flag)] or get_close_matches(flag, known, 1)
        if near:
            remedy = f"did you mean {' or '.join(near[:3])}?"
    elif shown != flag:
        return UsageError(shown, f"no such option {flag}", remedy)
    return UsageError(flag, "no such option", remedy)
