"""Paths inside another root: links are followed as the process in that root would, never out to the host."""

from __future__ import annotations

import errno
import os
import stat

_MAX_LINKS = 40


def resolve(root: str, path: str) -> str:
    """The host's path of what `path` names for a process whose root directory is `root`.

    Every link on the way is followed inside `root`, `..` stops at it, and parts that don't exist are kept as they are.
    Raises OSError (ELOOP) for links that go in circles. Meant for trees that nobody changes meanwhile.
    """
    waiting = [part for part in path.split("/") if part not in ("", ".")][::-1]
    done: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            if done:
                done.pop()
            continue
        place = os.path.join(root, *done, part)
        try:
            is_link = stat.S_ISLNK(os.lstat(place).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            is_link = False
        if not is_link:
            done.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(place)
        if target.startswith("/"):
            done.clear()
        waiting += [piece for piece in target.split("/") if piece not in ("", ".")][::-1]
    return os.path.join(root, *done)
