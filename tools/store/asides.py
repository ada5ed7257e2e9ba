"""Directories that are nobody's yet, or nobody's any more: each goes with the command that made it.

One is locked before anybody else can see it, and has a temporary name until it is renamed to what it becomes. Who is
killed lets go of the lock, and the next sweep removes what it has left.
"""

from __future__ import annotations

import os

from ..host import files, locks
from ..host.trees import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def begin(parent: str, name: str) -> tuple[str, int]:
    """A new directory 0700 in `parent`, and the descriptor that holds its lock. The caller removes and closes what it
    doesn't rename."""
    path = os.path.join(parent, files.temporary_name(name))
    with locks.locked(parent):  # a sweep does not see it before it is locked
        os.mkdir(path, 0o700)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        locks.take(lock)
    return path, lock


def sweep(parent: str, first: Callable[[str], None] | None = None) -> None:
    """Removes from `parent` what killed commands left; `first` is called with each path before."""
    try:
        names = os.listdir(parent)
    except FileNotFoundError:
        return
    for name in names:
        if not name.startswith(files.TEMPORARY):
            continue
        path = os.path.join(parent, name)
        with locks.locked(parent):
            try:
                lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            free = locks.take(lock)
        try:
            if free:
                if first is not None:
                    first(path)
                remove_tree(path)
        finally:
            os.close(lock)
