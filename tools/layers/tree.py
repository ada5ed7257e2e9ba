"""A directory as one tar archive, and one as a directory: every file just as it is, in a fixed order.

Unlike a layer's (flatten.py, apply.py in its other forms), nothing here has a meaning for overlayfs: names that begin
like whiteouts, devices 0:0 and overlayfs's own attributes are files and attributes like others.
"""

from __future__ import annotations

import os
import stat

from oci_spec import tarwriter

from ..errors import Unsupported
from . import attributes
from .member import member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .member import Links


_LONGEST = 4096
"""Of a path, with the zero byte at its end (PATH_MAX)."""


def archive(directory: str) -> Iterator[bytes]:
    """The archive of a directory, from its own entry to its end marker; holes are left out.

    Every directory stands before what is in it, names in byte order. What is mounted in it is not in it. What is
    removed meanwhile is left out. Raises OSError, Corrupt when a file becomes shorter
    while it is read, and Unsupported for a path that is too long.
    """
    top = os.fsencode(directory)
    device = os.lstat(top).st_dev
    links: Links = {}
    waiting = [b"."]
    while waiting:
        path = waiting.pop()
        source = top if path == b"." else top + b"/" + path
        if len(source) >= _LONGEST:
            raise Unsupported(directory, "holds a path of more than 4095 bytes", "make it shorter: no archive holds it")
        try:
            status = os.lstat(source)
            if status.st_dev != device:
                continue
            parts = member(path, source, status, links, _is_kept, sparse=True)
            first = next(parts, b"")
            names = os.listdir(source) if stat.S_ISDIR(status.st_mode) else []
        except FileNotFoundError:
            continue
        yield first
        yield from parts
        below = b"" if path == b"." else path + b"/"
        waiting += [below + name for name in sorted(names, reverse=True)]
    yield tarwriter.END


def _is_kept(name: bytes) -> bool:
    return name not in attributes.HOST_ONLY
