"""Typer, built from the same declaration, understands every command line as the fast parser does.

The one thing Typer has no notion of is `--flag=true`; that is left out here and tested with the parser alone.
"""

from __future__ import annotations

from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from ocipipe.cli.catalog import declarations
from ocipipe.cli.declare import COMMON, Command, Operand, Option
from ocipipe.cli.parse import parse
from ocipipe.cli.present import build
from ocipipe.errors import UsageError

SYNTHETIC = (
    Command(
        "test-all", "a test",
        operands=(Operand("SOURCE", "x", required=False), Operand("DEST", "x")),
        options=(
            Option("-i, --interactive", "x", kind="flag"),
            Option("-t, --tty", "x", kind="flag"),
            Option("-e, --env", "x", many=True),
            Option("-m, --memory", "x", kind="bytes"),
            Option("--sizes", "x", kind="bytes", many=True),
            Option("--cpus", "x", kind="number"),
            Option("-n, --count", "x", kind="integer", default=3),
            Option("--pull", "x", choices=("always", "missing"), default="missing"),
        ),
    ),
    Command("test-many", "a test", operands=(Operand("SOURCE", "x", many=True), Operand("DEST", "x"))),
    Command("test-none", "a test"),
    Command(
        "test-run", "a test", operands=(Operand("IMAGE", "x"), Operand("COMMAND", "x", required=False, many=True)),
        options=(Option("-i, --interactive", "x", kind="flag"), Option("-e, --env", "x", many=True)), verbatim=True,
    ),
)  # fmt: skip
COMMANDS = {command.name: command for command in (*SYNTHETIC, *declarations())}
TYPERS: dict[str, Any] = {}

WORDS = st.sampled_from(
    ["a", "-", "", "--", "b=c", "-5", "1.5", "64m", "1.5g", "always", "x y", "ü", "true", "-i", "--env", "---", "-e=x"]
)


@st.composite
def lines(draw: st.DrawFn, command: Command) -> list[str]:
    """A command line, mostly of the command's own options with values that suit them."""
    argv: list[str] = []
    options = [option for option in (*command.options, *COMMON) if option.dest not in ("help", "version")]
    for _ in range(draw(st.integers(0, 7))):
        if not options or draw(st.integers(0, 9)) < 4:
            argv.append(draw(WORDS))
            continue
        option = draw(st.sampled_from(options))
        flag = draw(st.sampled_from(option.flags))
        if option.kind == "flag":
            other = draw(st.sampled_from(options))
            clustered = not flag.startswith("--") and other.short and draw(st.booleans())
            argv.append(flag + other.short[1:] if clustered else flag)
            if clustered and other.kind != "flag":
                argv.append(draw(value(other)))
            continue
        text = draw(value(option))
        form = draw(st.integers(0, 2))
        if form == 0:
            argv += [flag, text]
        elif form == 1:
            argv.append(f"{flag}={text}" if flag.startswith("--") else flag + text)
        else:
            argv.append(flag)
    return argv


def value(option: Option) -> st.SearchStrategy[str]:
    good = {"bytes": ["64m", "0", "1.5g"], "integer": ["7", "-2"], "number": ["1.5", "2"]}
    return st.sampled_from([*option.choices, *good.get(option.kind, ["a", "b c"])]) | WORDS


@pytest.mark.parametrize("name", COMMANDS)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_same_values_or_both_refuse(name: str, data: st.DataObject) -> None:
    command = COMMANDS[name]
    argv = data.draw(lines(command))
    built = TYPERS.get(name) or TYPERS.setdefault(name, build(command, rich=False))
    try:
        mine: dict[str, Any] | None = parse(command, argv)
    except UsageError:
        mine = None
    try:
        theirs = built.main(list(argv), prog_name=name, standalone_mode=False)
    except Exception as error:
        # click's exceptions have no public base of their own here; all of them know their exit status.
        assert getattr(error, "exit_code", None) == 2, repr(error)  # noqa: PT017
        theirs = None
    if mine is not None:
        mine.pop("help")
    if isinstance(theirs, dict):
        theirs = {key: list(found) if isinstance(found, tuple) else found for key, found in theirs.items()}
    assert mine == theirs


def test_the_refusal_class_is_typers_own() -> None:
    with pytest.raises(typer.BadParameter):
        build(COMMANDS["test-all"], rich=False).main(["--cpus=x", "d"], prog_name="x", standalone_mode=False)
