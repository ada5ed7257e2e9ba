"""Unpacked layers as one tar archive: the tree that overlayfs would show, in a fixed order.

Owners, modes, times, extended attributes, device nodes and hard links are kept; holes are written as zeros.
"""

from __future__ import annotations

import os

from oci_spec import tarwriter

from . import lowers
from .members import Members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .lowers import Found


def flatten(layers: Sequence[str]) -> Iterator[bytes]:
    """The archive of `layers` (directories, topmost first), from its root's entry to its end marker.

    Every directory stands before what is in it, names in byte order. Raises OSError, and Conflict when a layer changes
    meanwhile, which nothing of ours does.
    """
    waiting: list[tuple[bytes, Found]] = []
    members = Members()
    roots = tuple(os.fsencode(layer) for layer in layers)
    if roots:
        waiting.append((b".", lowers.Found(os.lstat(roots[0]), roots)))
    while waiting:
        path, found = waiting.pop()
        pin = os.open(found.paths[0], os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield from members.tar(path, pin, found.stat)
        finally:
            os.close(pin)
        if found.is_directory:
            below = b"" if path == b"." else path + b"/"
            for name in sorted(lowers.names(found.paths), reverse=True):
                child = lowers.look(found.paths, name)
                if child is not None:
                    waiting.append((below + name, child))
    yield tarwriter.END
