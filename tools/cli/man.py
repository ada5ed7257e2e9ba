"""Manual pages and the README's table of commands, written from the declarations.

    python -m ocipipe.cli.man [--check] [--readme README.md] DIR

writes DIR/NAME.1 for every command, removes pages of commands that are gone, and replaces what stands between
`<!-- commands -->` and `<!-- /commands -->` in the README. With --check nothing is written: what differs is named and
the exit status is 1.
"""

from __future__ import annotations

import os
import sys

from .catalog import declarations, replace
from .parse import needed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .declare import Command, Option

BEGIN, END = "<!-- commands -->", "<!-- /commands -->"
_HEAD = ".\\\" Written by python -m ocipipe.cli.man from the command's declaration; change that.\n"

_ENVIRONMENT = (
    ("OCIPIPE_ROOT", "The store, where --root names none."),
    ("OCIPIPE_RUN_ROOT", "Run-time state, where --run-root names none."),
    ("OCIPIPE_NETWORK", "The network of containers, where --network names none."),
    ("OCIPIPE_DEBUG", "1 shows where an internal error or a refused system call comes from."),
    ("NO_COLOR", "Set to anything, tables and progress have no colour."),
)


def page(command: Command) -> str:
    """The manual page of `command`, in roff."""
    return "".join(_page(command))


def _page(command: Command) -> Iterator[str]:
    yield _HEAD
    yield f'.TH {command.name.upper()} 1 "" "ocipipe" "ocipipe manual"\n'
    yield f".SH NAME\n{_text(command.name)} \\- {_text(command.summary)}\n"
    yield f".SH SYNOPSIS\n.B {_text(command.name)}\n{_text(' '.join(_synopsis(command)))}\n"
    yield f".SH DESCRIPTION\n{_paragraphs(command.description or _sentence(command.summary))}"
    if command.operands:
        yield ".SH OPERANDS\n"
        for operand in command.operands:
            yield f".TP\n.I {_text(operand.name)}{' …' if operand.many else ''}\n{_text(_sentence(operand.help))}\n"
    if command.options:
        yield ".SH OPTIONS\n"
        for option in sorted(command.options, key=lambda option: option.long):
            yield _entry(option)
    yield ".SH OPTIONS OF EVERY COMMAND\n"
    for option in command.common:
        yield _entry(option)
    yield f".SH DOCUMENTS\n{_paragraphs(_documents(command))}"
    yield ".SH EXIT STATUS\n"
    for status, meaning in _exits(command):
        yield f".TP\n{status}\n{_text(meaning)}\n"
    yield ".SH ENVIRONMENT\n"
    for name, meaning in _ENVIRONMENT:
        yield f".TP\n.B {name}\n{_text(meaning)}\n"
    if command.examples:
        yield ".SH EXAMPLES\n"
        for line, meaning in command.examples:
            yield f".PP\n{_text(_sentence(meaning))}\n.PP\n.RS 4\n.EX\n{_text(line)}\n.EE\n.RE\n"
    if command.see:
        yield f".SH SEE ALSO\n{', '.join(f'.BR {_text(name)} (1)' for name in command.see[:1])}"
        yield "".join(f" ,\n.BR {_text(name)} (1)" for name in command.see[1:]) + "\n"


def _synopsis(command: Command) -> Iterator[str]:
    yield "[OPTION …]"
    for operand in command.operands:
        name = f"{operand.name} …" if operand.many else operand.name
        yield name if needed(command, operand) else f"[{name}]"


def _entry(option: Option) -> str:
    flags = ", ".join(f"\\fB{_text(flag)}\\fR" for flag in option.flags)
    value = f" \\fI{_text(option.metavar)}\\fR" if option.metavar else ""
    notes = [_sentence(option.help)]
    if option.many:
        notes.append("May be repeated.")
    if option.default not in (None, False, []) and "default" not in option.help:
        shown = "true; --flag=false turns it off" if option.default is True else option.default
        notes.append(f"Default: {str(shown).replace('--flag', option.long)}.")
    return f".TP\n{flags}{value}\n{_text(' '.join(notes))}\n"


def _documents(command: Command) -> str:
    parts = []
    if command.reads:
        loop = (
            "s from standard input, one or many in any layout, in the place of the operand - or when there is no"
            " operand and standard input is no terminal. A line that is no JSON is taken as a name. It acts on each"
            " object, goes on past a failed one, and then exits 1."
        )
        parts.append(f"Reads {command.reads} document{loop if command.objects else ' from standard input.'}")
    if command.writes:
        parts.append(
            f"Writes {command.writes} documents to standard output: one compact JSON document a line in a pipe, a table"
            " on a terminal."
        )
    parts.append(
        "Errors, warnings and progress go to standard error: as text on a terminal, else as JSON lines of the shape"
        ' {"errors":[{"code","message","detail"}]} and {"warnings":[{"message"}]}.'
    )
    return "\n\n".join(parts)


def _exits(command: Command) -> Iterator[tuple[int, str]]:
    own = {0: "Done.", 1: "Refused or failed; standard error says why.", 2: "The command line is not understood."}
    yield from sorted({**own, **{status: _sentence(text) for status, text in command.exits.items()}}.items())


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def _paragraphs(text: str) -> str:
    return "\n.PP\n".join(_text(" ".join(part.split())) for part in text.strip().split("\n\n")) + "\n"


_ESCAPES = str.maketrans({"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"})


def _text(text: str) -> str:
    """`text` with nothing in it that roff takes as its own; a dash is a dash that can be copied into a shell."""
    escaped = text.translate(_ESCAPES)
    return "\n".join("\\&" + line if line.startswith(".") else line for line in escaped.split("\n"))


def table(commands: Sequence[Command]) -> str:
    """The README's table of commands, in Markdown."""
    lines = ["| command | what it does | reads | writes |", "| --- | --- | --- | --- |"]
    for command in commands:
        name = f"[`{command.name}`](man/{command.name}.1)"
        lines.append(f"| {name} | {command.summary.replace('|', chr(92) + '|')} | {command.reads} | {command.writes} |")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str]) -> int:
    """Writes or checks; returns the exit status."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m ocipipe.cli.man", description="Write the manual pages.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when a page is not true")
    parser.add_argument("--readme", help="a Markdown file whose table of commands is kept true as well")
    parser.add_argument("directory", help="where the pages are")
    args = parser.parse_args(argv)
    commands = declarations()
    wanted = {os.path.join(args.directory, f"{command.name}.1"): page(command) for command in commands}
    if args.readme:
        with open(args.readme, encoding="utf-8") as file:
            before, begin, rest = file.read().partition(BEGIN)
        _, end, after = rest.partition(END)
        if not begin or not end:
            sys.stderr.write(f"{args.readme}: has no place for the table ({BEGIN} and {END})\n")
            return 1
        wanted[args.readme] = f"{before}{BEGIN}\n{table(commands)}{END}{after}"
    os.makedirs(args.directory, exist_ok=True)
    pages = (os.path.join(args.directory, name) for name in sorted(os.listdir(args.directory)) if name.endswith(".1"))
    stale = [path for path in pages if path not in wanted]
    if args.check:
        wrong = [path for path, text in wanted.items() if _read(path) != text] + stale
        for path in wrong:
            sys.stderr.write(f"{path}: is not what the declaration says (make man)\n")
        return 1 if wrong else 0
    for path, text in wanted.items():
        if _read(path) != text:
            replace(path, text)
    for path in stale:
        os.unlink(path)
    return 0


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
