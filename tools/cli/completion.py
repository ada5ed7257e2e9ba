"""Completion for bash, zsh and fish, written from the declarations as plain shell: no Python starts on TAB.

    python -m ocipipe.cli.completion DIR

writes below DIR (a `share` directory) one file a command where each shell looks for it by the command's name. Options,
their words, files and directories are known; operands and values that name an image are completed from the store's
index.json (`$OCIPIPE_ROOT`, or /var/lib/ocipipe).
"""

from __future__ import annotations

import os
import sys

from .catalog import declarations, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .declare import Command, Option

_IMAGES = (
    """sed -n 's/"org.opencontainers.image.ref.name" *: *"\\([^"]*\\)"/\\n\\1\\n/gp' """
    """"${OCIPIPE_ROOT:-/var/lib/ocipipe}/images/index.json" 2>/dev/null """
    """| grep '^[A-Za-z0-9._/:@-]*[:@][A-Za-z0-9._/:@-]*$'"""
)
"""Prints the name of every image, one a line; nothing that a shell could take for more than a word."""

_PATHS = frozenset({"FILE", "PATH", "BUNDLE", "FILE|-"})
_DIRECTORIES = frozenset({"DIR", "DIRECTORY"})
_IMAGE_WORDS = frozenset({"REF", "IMAGE", "SOURCE"})


def kind(name: str) -> str:
    """What a value called `name` is: `directory`, `path`, `image`, or '' where nothing can be offered."""
    if name in _DIRECTORIES:
        return "directory"
    return "path" if name in _PATHS else "image" if name in _IMAGE_WORDS else ""


def _function(command: Command) -> str:
    return "_" + command.name.replace("-", "_")


def bash(command: Command) -> str:
    """Completion of `command` for bash."""
    options = [*command.options, *command.common]
    lines = [
        f"# bash completion for {command.name}; written by python -m ocipipe.cli.completion",
        f"{_function(command)}()",
        "{",
        # Colons and = break words in bash: take the word as the shell does, and hand back what follows its last break.
        '    local line=${COMP_LINE:0:COMP_POINT} previous current broken words=""',
        "    current=${line##*[[:space:]]}",
        '    line=${line%"$current"}',
        '    read -r -a previous <<<"$line"',
        "    previous=${previous[${#previous[@]}-1]}",
        "    COMPREPLY=()",
        '    broken=${current%"${current##*[:=]}"}',
        "    case $current in",
        "        --*=*) previous=${current%%=*}; current=${current#*=} ;;",
        "    esac",
        "    case $previous in",
    ]
    for option in options:
        if option.kind != "flag":
            lines.append(f"        {'|'.join(option.flags)}) {_bash_value(option.metavar, option.choices)} ;;")
    lines += ["        *)", "            case $current in"]
    words = " ".join(flag for option in options for flag in option.flags)
    lines.append(f"                -*) words='{words}' ;;")
    kinds = {kind(operand.name) for operand in command.operands} - {""}
    generated = "; ".join(_bash_value(name, ()) for name in sorted(kinds)) or ":"
    lines += [f"                *) {generated} ;;", "            esac ;;", "    esac"]
    lines += [
        '    [ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
        '    case $COMP_WORDBREAKS in *:*) COMPREPLY=("${COMPREPLY[@]#"${broken##*=}"}") ;; esac',
        "}",
        f"complete -F {_function(command)} {command.name}",
    ]
    return "\n".join(lines) + "\n"


def _bash_value(name: str, choices: Sequence[str]) -> str:
    if choices:
        return f"words='{' '.join(choices)}'"
    found = name if name in ("directory", "path", "image") else kind(name)
    return {
        "directory": 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current")',
        "path": 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current")',
        "image": f"words=$({_IMAGES})",
    }.get(found, ":")


def zsh(command: Command) -> str:
    """Completion of `command` for zsh."""
    lines = [
        f"#compdef {command.name}",
        "# written by python -m ocipipe.cli.completion",
        "_ocipipe_images() {",
        f'    local -a names; names=(${{(f)"$({_IMAGES})"}})',
        "    compadd -a names",
        "}",
        "_arguments -s \\",
    ]
    for option in (*command.options, *command.common):
        lines.append(f"    {_zsh_option(option)} \\")
    for position, operand in enumerate(command.operands, 1):
        action = {"directory": "_files -/", "path": "_files", "image": "_ocipipe_images"}.get(kind(operand.name), "")
        if operand.many and command.verbatim:
            lines.append(f"    '*::{operand.name.lower()}:_normal' \\")
        else:
            lines.append(f"    '{'*' if operand.many else position}:{operand.name.lower()}:{action}' \\")
    return "\n".join(lines).removesuffix(" \\") + "\n"


def _zsh_option(option: Option) -> str:
    text = option.help.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    value = ""
    if option.kind != "flag":
        action = {"directory": "_files -/", "path": "_files", "image": "_ocipipe_images"}.get(kind(option.metavar), "")
        action = f"({' '.join(option.choices)})" if option.choices else action
        value = f":{option.metavar.replace(':', '-')}:{action}"
    # `+` and `=` say how a value may be attached: -eVALUE and --env=VALUE, or as the next word.
    flags = [flag + (("=" if flag.startswith("--") else "+") if value else "") for flag in option.flags]
    if len(flags) == 1:
        return f"'{'*' if option.many else ''}{flags[0]}[{text}]{value}'"
    guard = "'*'" if option.many else f"'({' '.join(option.flags)})'"
    return f"{guard}{{{','.join(flags)}}}'[{text}]{value}'"


def fish(command: Command) -> str:
    """Completion of `command` for fish."""
    name = command.name
    lines = [
        f"# fish completion for {name}; written by python -m ocipipe.cli.completion",
        "function __ocipipe_images",
        "    set -l root /var/lib/ocipipe",
        "    set -q OCIPIPE_ROOT; and set root $OCIPIPE_ROOT",
        f"    {_IMAGES.replace('${OCIPIPE_ROOT:-/var/lib/ocipipe}', '$root')}",
        "end",
    ]
    kinds = {kind(operand.name) for operand in command.operands}
    if not command.verbatim and "path" not in kinds and "directory" not in kinds:
        lines.append(f"complete -c {name} -f")
    if "image" in kinds:
        lines.append(f"complete -c {name} -a '(__ocipipe_images)'")
    for option in (*command.options, *command.common):
        flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
        quoted = option.help.replace("\\", "\\\\").replace("'", "\\'")
        value = ""
        if option.kind != "flag":
            what = kind(option.metavar)
            value = " -x"
            if option.choices:
                value = f" -x -a '{' '.join(option.choices)}'"
            elif what == "path":
                value = " -r -F"
            elif what == "directory":
                value = " -x -a '(__fish_complete_directories (commandline -ct))'"
            elif what == "image":
                value = " -x -a '(__ocipipe_images)'"
        lines.append(f"complete -c {name} {flags}{value} -d '{quoted}'")
    return "\n".join(lines) + "\n"


PLACES = (
    ("bash-completion/completions", "{}", bash),
    ("zsh/site-functions", "_{}", zsh),
    ("fish/vendor_completions.d", "{}.fish", fish),
)
"""Directory below `share`, file name for a command, and the writer of its content."""


def main(argv: Sequence[str]) -> int:
    """Writes the files; returns the exit status."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m ocipipe.cli.completion", description="Write shell completion.")
    parser.add_argument("directory", help="the share directory, like /usr/local/share")
    args = parser.parse_args(argv)
    for folder, name, text in PLACES:
        target = os.path.join(args.directory, folder)
        os.makedirs(target, exist_ok=True)
        for command in declarations():
            replace(os.path.join(target, name.format(command.name)), text(command))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
