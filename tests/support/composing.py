"""Compose files for tests: a directory of them, and the project or the refusal that comes of it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from cli_world import Stream

from ocipipe.compose import canonical, check, interpolate, load, project
from ocipipe.compose.positions import Source
from ocipipe.compose.project import Project
from ocipipe.context import Context
from ocipipe.errors import OcipipeError

SOURCE = Source("/srv/app", "/home/me")


def context(env: dict[str, str] | None = None, stdin: bytes = b"") -> Context:
    """A world with this environment and nothing else."""
    return Context(
        "compose-config", "/nowhere", "/nowhere", env=env or {}, stdin=Stream(stdin), stdout=Stream(), stderr=Stream(),
        now=lambda: 1_700_000_000.0, random=lambda count: bytes(range(count)), user=0,
    )  # fmt: skip


def written(directory: Path, files: dict[str, str]) -> None:
    """Writes files, by their paths in `directory`."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def document(text: str) -> Any:
    """The one document in a YAML text, as it stands."""
    (found,) = load.documents(textwrap.dedent(text).encode(), "compose.yaml")
    return found


def canonicalized(text: str, **variables: str) -> Any:
    """A whole file in canonical form, checked."""
    found = document(text)
    interpolate.interpolate(found, variables, lambda name, place: None)
    made = canonical.document(found, SOURCE)
    check.check(made)
    return made


def service(text: str, **variables: str) -> Any:
    """The canonical form of a service whose keys are `text`."""
    made = canonicalized("services:\n  web:\n" + textwrap.indent(textwrap.dedent(text), "    "), **variables)
    return made["services"]["web"]


def loaded(*chosen: str, env: dict[str, str] | None = None, **options: Any) -> Project:
    """The project of files in the current directory."""
    return project.load(context({"HOME": "/home/me", **(env or {})}), chosen, **options)


def refusal(make: Any, *args: Any, **options: Any) -> str:
    """What an OcipipeError says; the call must raise one."""
    try:
        found = make(*args, **options)
    except OcipipeError as error:
        return str(error)
    raise AssertionError(f"accepted: {found}")
