"""What the layers beneath show at a path: overlayfs's merge, worked out from their directories.

Paths here are canonical: of the merged view, every part but the last a real directory. So each lower directory that
is visible at such a path is reached without a link, and lower layers never change.
"""

from __future__ import annotations

import errno
import os
import stat

from . import whiteouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Lowers = Sequence[str] | Callable[[], Sequence[str]]
    """Unpacked layers, topmost first; or what gives them, called when they are first needed, which may wait."""


LINK_LIMIT = 40


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


def exists(directories: Iterable[bytes], path: bytes) -> bool:
    """Whether directories that merge into a root show something at a canonical path."""
    merged = tuple(directories)
    for name in path.split(b"/"):
        found = look(merged, name)
        if found is None:
            return False
        merged = found.paths if found.is_directory else ()
    return True


def names(directories: Iterable[bytes]) -> set[bytes]:
    """Every name that occurs in the directories, hidden or not."""
    return {name for directory in directories for name in os.listdir(directory)}


def resolve(directories: Iterable[bytes], path: bytes) -> bytes:
    """The canonical path that `path` leads to in what directories that merge into a root show, relative to that: links
    are followed, `..` stops at the root, and what is missing stays as it is. Raises OSError (ELOOP)."""
    roots = tuple(directories)
    merged: list[tuple[bytes, ...]] = [roots]
    done: list[bytes] = []
    waiting = path.split(b"/")[::-1]
    links = 0
    while waiting:
        name = waiting.pop()
        if name in (b"", b"."):
            continue
        if name == b"..":
            if done:
                done.pop()
                merged.pop()
            continue
        found = look(merged[-1], name)
        if found is None or not stat.S_ISLNK(found.stat.st_mode):
            done.append(name)
            merged.append(found.paths if found is not None and found.is_directory else ())
            continue
        links += 1
        if links > LINK_LIMIT:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fsdecode(path))
        target = os.readlink(found.paths[0])
        if target.startswith(b"/"):
            done.clear()
            del merged[1:]
        waiting += target.split(b"/")[::-1]
    return b"/".join(done)
