"""Secrets and configs that are external to a project: files that the machine keeps, each under its name.

A secret is looked for in $CREDENTIALS_DIRECTORY, where systemd gives a unit its credentials (systemd.exec(5)), and then
in /etc/ocipipe/secrets, or $OCIPIPE_SECRETS instead of that; a config in /etc/ocipipe/configs, or $OCIPIPE_CONFIGS.
"""

from __future__ import annotations

import os

from ..errors import Corrupt, NotFound
from ..host import files
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping as Variables

    from .positions import Mapping

_DIRECTORIES = {"secrets": "/etc/ocipipe/secrets", "configs": "/etc/ocipipe/configs"}
_INSTEAD = {"secrets": "OCIPIPE_SECRETS", "configs": "OCIPIPE_CONFIGS"}
_CREDENTIALS = "CREDENTIALS_DIRECTORY"


def content(env: Variables[str, str], model: Mapping, section: str, key: str, limit: int) -> bytes:
    """What is in an external secret or config, at most `limit` bytes. Raises ComposeError for a name that is none of a
    file in a directory, and for one that nobody keeps, or that we may not read."""
    where = (section, key, "external")
    place = place_at(model, where)
    name = str(model[section][key]["name"])
    if "/" in name or "\0" in name or name in (".", ".."):
        raise ComposeError(place, where, f"{name!r} is no name of a file", "without / and other than . and ..")
    paths = [os.path.join(directory, name) for directory in _directories(env, section)]
    for path in paths:
        try:
            return files.read_limited(path, limit)
        except (NotFound, NotADirectoryError):
            continue
        except (Corrupt, OSError) as error:
            why = os.strerror(error.errno or 0).lower() if isinstance(error, OSError) else error.problem
            raise ComposeError(place, where, f"{path}: {why}") from None
    kind = section.removesuffix("s")
    raise ComposeError(
        place, where, f"this machine keeps no {kind} {name}: there is no {' and no '.join(paths)}", "write that file"
    )


def _directories(env: Variables[str, str], section: str) -> list[str]:
    usual = env.get(_INSTEAD[section]) or _DIRECTORIES[section]
    given = env.get(_CREDENTIALS) if section == "secrets" else None
    return [given, usual] if given else [usual]
