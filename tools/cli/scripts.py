"""Writes the executables: one small file per module in `cmd/`, its first line naming the real interpreter.

The interpreter is the one behind every link, virtual environment and version-manager shim (a shim costs 90 ms a start),
run with `-I` (the caller's PYTHON* variables and directories change nothing) and `-S` (no site module: 40 ms with some
environments' .pth files, 4 without any). What `site` would have done for us is one line: our site-packages go on the
module path, after the library's, so that nothing installed there can shadow it.

    python -m ocipipe.cli.scripts [--python INTERPRETER] [--site SITE_PACKAGES] [--pyproject FILE] [DIR]

With --pyproject, the `[project.scripts]` of that file are made to name the same commands, for who installs the wheel.
"""

from __future__ import annotations

import os
import sys

from .catalog import names, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_FIRST_LINE = 127
"""What every kernel takes: the older ones cut the first line off after that."""


def script(name: str, python: str, site: str) -> str:
    """The text of the executable `name`. Raises ValueError when `python` cannot stand in a first line."""
    first = f"#!{python} -IS"
    if len(first) > _LONGEST_FIRST_LINE or any(character.isspace() for character in python):
        raise ValueError(f"{python}: an interpreter's path of this length or with spaces cannot stand in a first line")
    return f"{first}\nimport sys\nsys.path.append({site!r})\nfrom ocipipe.cli.launch import main\nmain({name!r})\n"


def entry_points(text: str) -> str:
    """`text` of a pyproject.toml with a true `[project.scripts]`. Raises ValueError when it has no such table."""
    head = "[project.scripts]\n"
    before, found, rest = text.partition(head)
    if not found:
        raise ValueError("pyproject.toml has no [project.scripts]")
    after = rest[rest.index("\n[") :] if "\n[" in rest else ""
    lines = (f'{name} = "ocipipe.cmd.{name.replace("-", "_")}:COMMAND"\n' for name in names())
    return before + head + "".join(lines) + after


def main(argv: Sequence[str]) -> int:
    """Writes the scripts; returns the exit status."""
    import argparse
    import sysconfig

    parser = argparse.ArgumentParser(prog="python -m ocipipe.cli.scripts", description="Write ocipipe's executables.")
    parser.add_argument("--python", default=sys.executable, help="interpreter; links are followed to the real one")
    parser.add_argument("--site", default=sysconfig.get_path("purelib"), help="site-packages that hold ocipipe")
    parser.add_argument("--pyproject", help="a pyproject.toml whose entry points are kept true")
    parser.add_argument("directory", nargs="?", help="where the executables go")
    args = parser.parse_args(argv)
    if args.pyproject:
        with open(args.pyproject, encoding="utf-8") as file:
            replace(args.pyproject, entry_points(file.read()))
    if not args.directory:
        return 0
    os.makedirs(args.directory, exist_ok=True)
    for name in names():
        path = os.path.join(args.directory, name)
        replace(path, script(name, os.path.realpath(args.python), os.path.abspath(args.site)), 0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
