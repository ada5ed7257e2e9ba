"""How a command is declared: one value that the fast parser, Typer and the generators of pages all read.

A command is a module in `cmd/` with a `COMMAND` and one of three functions:

    run(ctx, args)              -> documents to print, or an exit status where the process owns stdout (ctr-run)
    each(ctx, args, item)       -> documents for one object; `item` is an operand (str) or a document from stdin (dict)
    together(ctx, args, items)  -> the same for all objects as they come; a document that is none is an exception

With `each`, the launcher owns the loop: operands, or documents from stdin when there is no operand (or it is `-`) and
stdin is no terminal; a failed object is reported, the rest goes on, and the status is then 1. A document of a type that
oci_spec knows has passed its check. A line on stdin that is no JSON arrives as a name (str), like an operand.

Documents are dicts, or bytes for stored documents that must leave unchanged; each function may return one, return an
iterable of them, or yield them, and each is printed as soon as it comes. An exception among them (yielded, not raised)
is reported as a failed object, and the rest goes on. A `run` that wants one document reads `jsonio.one(ctx.stdin)`, or
`jsonio.first` where its process goes on reading the same stdin.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_PYTHONS = frozenset(("import", "from", "as", "in", "is", "if", "for", "with", "global", "class"))
"""Words that no argument can be called: it gets a `_` behind."""
_METAVARS = {"integer": "N", "number": "N", "bytes": "SIZE"}
"""What a value is called in a synopsis, by its kind; others by the option's own name."""


class Option:
    """One option. `flags` as in a synopsis: `-e, --env`; the last long flag gives the argument its name.

    kind      flag (true when given, `--flag=false` is accepted), text, integer, number, bytes (`64m`: an int)
    many      may be repeated; the value is a list, [] when not given
    choices   the words it takes
    default   the value when not given (None, False for flags, [] for many)
    """

    __slots__ = ("choices", "default", "dest", "flags", "help", "kind", "long", "many", "metavar", "short")

    def __init__(
        self,
        flags: str,
        help: str,
        *,
        kind: str = "text",
        metavar: str = "",
        default: object = None,
        many: bool = False,
        choices: Sequence[str] = (),
    ) -> None:
        self.flags = tuple(flag.strip() for flag in flags.split(","))
        self.long = self.flags[-1]
        self.short = self.flags[0] if len(self.flags) > 1 and not self.flags[0].startswith("--") else ""
        self.dest = self.long.lstrip("-").replace("-", "_")
        if self.dest in _PYTHONS:
            self.dest += "_"
        self.help = help
        self.kind = kind
        named = "|".join(choices) or _METAVARS.get(kind) or self.dest.upper().replace("_", "-")
        self.metavar = metavar or ("" if kind == "flag" else named)
        self.many = many
        self.choices = tuple(choices)
        self.default = [] if many else False if kind == "flag" and default is None else default


class Operand:
    """One positional argument, in order. `many` takes all that remain (a list)."""

    __slots__ = ("dest", "help", "many", "name", "required")

    def __init__(self, name: str, help: str, *, required: bool = True, many: bool = False) -> None:
        self.name = name
        self.dest = name.lower().replace("-", "_")
        self.help = help
        self.required = required
        self.many = many


class Command:
    """A command's whole interface.

    objects   the operand (by its dest) that `each` or `together` takes its items from, '' for a command with `run`
    reads     document type on stdin, '' when it reads none; writes likewise for stdout; several as `this or that`
    verbatim  everything after the last declared single operand belongs to the process, options too (ctr-run)
    streams   it may be long from one result to the next: a table shows each as it comes
    exits     status -> meaning, beyond 0, 1 and 2
    examples  (command line, what it does); the man page shows them and the tests run them
    """

    __slots__ = (
        "description", "examples", "exits", "name", "objects", "operands", "options", "reads", "see", "streams",
        "summary", "verbatim", "writes",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        summary: str,
        *,
        description: str = "",
        operands: Sequence[Operand] = (),
        options: Sequence[Option] = (),
        objects: str = "",
        reads: str = "",
        writes: str = "",
        verbatim: bool = False,
        streams: bool = False,
        exits: dict[int, str] | None = None,
        examples: Sequence[tuple[str, str]] = (),
        see: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.summary = summary
        self.description = description
        self.operands = tuple(operands)
        self.options = tuple(options)
        self.objects = objects
        self.reads = reads
        self.writes = writes
        self.verbatim = verbatim
        self.streams = streams
        self.exits = exits or {}
        self.examples = tuple(examples)
        self.see = tuple(see)

    @property
    def common(self) -> list[Option]:
        """The options of every command, but for those that this one declares in a way of its own."""
        own = {option.dest for option in self.options}
        return [option for option in COMMON if option.dest not in own]

    def __call__(self) -> None:
        """The console entry point: run this command as a program and exit with its status."""
        from .launch import main

        main(self.name)


COMMON = (
    Option("--root", "the store (default: $OCIPIPE_ROOT, or /var/lib/ocipipe)", metavar="DIR"),
    Option("--run-root", "run-time state (default: $OCIPIPE_RUN_ROOT, or /run/ocipipe)", metavar="DIR"),
    Option("--format", "form of the results (default: table on a terminal, json in a pipe)", choices=("json", "table")),
    Option("-q, --quiet", "print bare ids, digests or names only", kind="flag"),
    Option("--progress", "how progress is told on stderr", choices=("auto", "plain", "json", "none"), default="auto"),
    Option("--version", "print the version and exit", kind="flag"),
    Option("--help", "show this help and exit", kind="flag"),
)
"""The options that every command has."""


class Args:
    """The parsed arguments, by their dest: `args.platform`, `args.ref`. Common options are among them."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)
