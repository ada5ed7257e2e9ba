"""What the layers beneath show at a path: overlayfs's merge, worked out from their directories.

Paths here are canonical: of the merged view, every part but the last a real directory. So each lower directory that
is visible at such a path is reached without a link, and lower layers never change.
"""

from __future__ import annotations

import os
import stat

from . import whiteouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Lowers = Sequence[str] | Callable[[], Sequence[str]]
    """Unpacked layers, topmost first; or what gives them, called when they are first needed, which may wait."""


class Found:
    """The topmost thing at a path. For a directory `paths` are all that merge into it, topmost first."""

    __slots__ = ("paths", "stat")

    def __init__(self, status: os.stat_result, paths: tuple[bytes, ...]) -> None:
        self.stat = status
        self.paths = paths

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.stat.st_mode)


def look(directories: Iterable[bytes], name: bytes) -> Found | None:
    """What directories that merge into one (topmost first) show under `name`; None where there is nothing."""
    merged: list[bytes] = []
    top: os.stat_result | None = None
    for directory in directories:
        path = directory + b"/" + name
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            continue
        if whiteouts.is_whiteout(found):
            break
        if not stat.S_ISDIR(found.st_mode):
            if top is None:
                return Found(found, (path,))
            break
        top = top or found
        merged.append(path)
        if whiteouts.is_opaque(path):
            break
    return Found(top, tuple(merged)) if top is not None else None


def names(directories: Iterable[bytes]) -> set[bytes]:
    """Every name that occurs in the directories, hidden or not."""
    return {name for directory in directories for name in os.listdir(directory)}
