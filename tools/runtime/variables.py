"""A container's variables and labels: from options, and from the lines of files. Pure."""

from __future__ import annotations

from ..errors import UsageError
from .options import pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def labels(files: Iterable[tuple[str, str]], options: Iterable[str]) -> dict[str, str]:
    """Those of --label-file (path, text), then those of --label; the last of a key wins. Raises UsageError."""
    return {**pairs(_lines(files, "label's key", "KEY=VALUE"), "--label-file"), **pairs(options, "--label")}


def _lines(files: Iterable[tuple[str, str]], what: str, form: str) -> Iterator[str]:
    """The lines of files that say something: not empty, and no comment. Raises UsageError for one without a name, or
    with a zero byte."""
    for path, text in files:
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            stripped = line.removesuffix("\r").lstrip()
            if stripped and not stripped.startswith("#"):
                name = stripped.partition("=")[0]
                if not name or " " in name or "\t" in name:
                    raise UsageError(f"{path}:{number}", f"{name!r} is no {what}", f"write {form}")
                if "\0" in stripped:
                    raise UsageError(f"{path}:{number}", "holds a zero byte", f"write {form}")
                yield stripped


def environment(
    base: Iterable[str], files: Iterable[tuple[str, str]], options: Iterable[str], env: Mapping[str, str]
) -> list[str]:
    """The image's variables, then those of --env-file (path, text), then of -e; the last of a name wins, in its place.

    A bare NAME takes the value from our own environment `env`, and takes the image's away when it has none. Raises
    UsageError.
    """
    found = dict(one.partition("=")[::2] for one in base)
    for one in (*_lines(files, "variable's name", "NAME=VALUE"), *options):
        name, equals, value = one.partition("=")
        if not name:
            raise UsageError(f"--env {one}", "has no name before =", "write NAME=VALUE")
        if equals:
            found[name] = value
        elif name in env:
            found[name] = env[name]
        else:
            found.pop(name, None)
    return [f"{name}={value}" for name, value in found.items()]
