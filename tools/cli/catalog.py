"""The list of commands, which is the folder `cmd/`; for the generators of pages, completion and executables."""

from __future__ import annotations

import os

from .launch import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .declare import Command


def names() -> list[str]:
    """Every command by the name of its executable, in order."""
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cmd")
    found = (entry.removesuffix(".py") for entry in os.listdir(folder) if entry.endswith(".py"))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def declarations() -> list[Command]:
    """Every command's declaration, in order of their names."""
    return [load(name).COMMAND for name in names()]


def replace(path: str, text: str, mode: int = 0o644) -> None:
    """Writes a generated file by renaming it into place: a reader never sees half of it."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
    os.rename(temporary, path)
