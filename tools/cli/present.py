"""Typer's presentation of a declaration: help and usage errors, with colour and boxes on a terminal.

Imported only for these (typer costs more than most commands take). The declaration is turned into the signature that
Typer reads, through its public interface alone; a test holds that Typer then understands every command line as the fast
parser does.
"""

from __future__ import annotations

import contextlib
import inspect
import io
from typing import Annotated, Any

import typer

from .parse import convert, needed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import UsageError
    from .declare import Command, Operand, Option

_COMMON_PANEL = "Options of every command"


def build(command: Command, *, rich: bool) -> Any:
    """The Typer command (a click command) for a declaration; invoked, it returns the values by dest."""
    found = [_operand(command, position) for position in range(len(command.operands))]
    found += [_option(option, rich, None) for option in command.options]
    found += [_option(option, rich, _COMMON_PANEL) for option in command.common if option.dest != "help"]

    def values(**given: Any) -> dict[str, Any]:
        for operand in command.operands:
            words = given[operand.dest]
            if not operand.many and isinstance(words, list):
                if len(words) > 1:
                    raise typer.BadParameter("unexpected operand", param_hint=words[1])
                given[operand.dest] = words[0] if words else None
        return given

    values.__signature__ = inspect.Signature(found)  # type: ignore[attr-defined]
    values.__annotations__ = {parameter.name: parameter.annotation for parameter in found}
    app = typer.Typer(add_completion=False, rich_markup_mode="rich" if rich else None)
    app.command(
        command.name,
        help=_escaped(f"{_sentence(command.summary)}\n\n{command.description}".strip(), rich),
        epilog=_escaped(_epilog(command), rich),
        context_settings={"allow_interspersed_args": not command.verbatim},
    )(values)
    built = typer.main.get_command(app)
    parameter: Any
    for parameter in built.params:
        if parameter.param_type_name == "argument" or getattr(parameter, "is_flag", False):
            # Newer Typers show a Python type here, which says nothing that name and metavar do not.
            parameter.display_type_rich = lambda ctx: None  # noqa: ARG005
    return built


def help_text(command: Command, terminal: bool) -> str:
    """What `--help` prints: for a terminal with colour, in a pipe as plain text that grep finds every option in."""
    built = build(command, rich=terminal)
    ctx = built.make_context(command.name, [], resilient_parsing=True)
    if not terminal:
        return f"{built.get_help(ctx)}\n"
    with contextlib.redirect_stdout(_Terminal()) as captured:
        built.get_help(ctx)
    return captured.getvalue()


def usage_error(command: Command, error: UsageError) -> str:
    """A usage error as Typer shows it on a terminal: the usage line, and what is wrong in a box."""
    from typer import rich_utils

    ctx = build(command, rich=True).make_context(command.name, [], resilient_parsing=True)
    with contextlib.redirect_stderr(_Terminal()) as captured:
        rich_utils.rich_format_error(_Refusal(str(error), ctx=ctx))
    return captured.getvalue()


class _Refusal(typer.BadParameter):
    """The fast parser's refusal, in its own words."""

    def format_message(self) -> str:
        return self.message


class _Terminal(io.StringIO):
    """Text for a terminal, kept until the launcher writes it."""

    def isatty(self) -> bool:
        return True


def _operand(command: Command, position: int) -> inspect.Parameter:
    operand: Operand = command.operands[position]
    required = needed(command, operand)
    # An optional operand before a required one gets what the others leave, which click knows as a list.
    squeezed = not required and any(needed(command, later) for later in command.operands[position + 1 :])
    kind: Any = list[str] if operand.many or squeezed else str
    info = typer.Argument(help=operand.help, metavar=operand.name, show_default=False)
    default: Any = inspect.Parameter.empty
    if not required:
        kind, default = (kind, []) if kind is not str else (str | None, None)
    return _parameter(operand.dest, default, Annotated[kind, info])


def _option(option: Option, rich: bool, panel: str | None) -> inspect.Parameter:
    text = option.help + (" (may be repeated)" if option.many else "")
    shown = option.default if option.default not in (None, [], False, True) and "default" not in option.help else False
    settings: dict[str, Any] = {"help": _escaped(text, rich), "rich_help_panel": panel, "show_default": bool(shown)}
    kind: Any = bool
    default = option.default
    if option.kind != "flag":
        settings |= {"metavar": option.metavar, "parser": _parser(option)}
        kind = list[str] if option.many else str | None
    info = typer.Option(*option.flags, **settings)
    return _parameter(option.dest, default, Annotated[kind, info])


def _parameter(dest: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(dest, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parser(option: Option) -> Callable[[Any], Any]:
    def parsed(text: Any) -> Any:
        from ..errors import UsageError

        if not isinstance(text, str):  # a default, which is a value already
            return text
        try:
            return convert(option, text, option.long)
        except UsageError as error:
            raise typer.BadParameter(str(error)) from None

    parsed.__name__ = option.metavar
    return parsed


def _epilog(command: Command) -> str:
    parts = []
    if command.examples:
        lines = "\n\n".join(f"  {line}" for line, _ in command.examples)
        parts.append(f"Examples:\n\n{lines}")
    if command.exits:
        meanings = "; ".join(f"{status} {text}" for status, text in command.exits.items())
        parts.append(f"Exit status beyond 0, 1 and 2: {meanings}")
    parts.append(f"See man {command.name} for everything.")
    return "\n\n".join(parts)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _escaped(text: str, rich: bool) -> str:
    if not rich:
        return text
    from rich.markup import escape

    return escape(text)
