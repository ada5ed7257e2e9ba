"""The variables of a project, and where they come from. A variable of the process wins over one of a file; of several
files named with --env-file the later wins; `.env` is read where none is named."""

from __future__ import annotations

import os

from . import dotenv, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .positions import Place

DOTENV = ".env"
_TRUE = ("1", "true", "yes", "on")


def named(env_files: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """The files of variables that the user names, absolute: on the command line, or in COMPOSE_ENV_FILES."""
    given = env_files or [one for one in env.get("COMPOSE_ENV_FILES", "").split(",") if one]
    return [os.path.abspath(one) for one in given]


def beside(directory: str, env: Mapping[str, str]) -> list[str]:
    """A directory's .env, where it has one and COMPOSE_DISABLE_ENV_FILE does not say no."""
    path = os.path.join(directory, DOTENV)
    disabled = env.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in _TRUE
    return [path] if not disabled and os.path.isfile(path) else []


def extended(
    variables: Mapping[str, str], paths: Sequence[str], missing: Callable[[str, Place], None]
) -> dict[str, str]:
    """`variables` with those of files that it does not have. Raises NotFound, ComposeError."""
    found: dict[str, str] = {}
    for path in paths:
        known = {**found, **variables}
        found |= dotenv.parse(files.read(path), files.shown(path), known, missing)
    return {**found, **variables}
