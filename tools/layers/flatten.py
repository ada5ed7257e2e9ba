"""Unpacked layers as one tar archive: the tree that overlayfs would show, in a fixed order.

Owners, modes, times, extended attributes, device nodes and hard links are kept; holes are written as zeros.
"""

from __future__ import annotations

import os

from oci_spec import tarwriter

from . import attributes, lowers
from .member import member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .lowers import Found
    from .member import Links


def flatten(layers: Sequence[str]) -> Iterator[bytes]:
    """The archive of `layers` (directories, topmost first), from its root's entry to its end marker.

    Every directory stands before what is in it, names in byte order. Raises OSError, and Corrupt when a layer changes
    meanwhile, which nothing of ours does.
    """
    waiting: list[tuple[bytes, Found]] = []
    links: Links = {}
    roots = tuple(os.fsencode(layer) for layer in layers)
    if roots:
        waiting.append((b".", lowers.Found(os.lstat(roots[0]), roots)))
    while waiting:
        path, found = waiting.pop()
        yield from member(path, found.paths[0], found.stat, links, attributes.is_carried)
        if found.is_directory:
            below = b"" if path == b"." else path + b"/"
            for name in sorted(lowers.names(found.paths), reverse=True):
                child = lowers.look(found.paths, name)
                if child is not None:
                    waiting.append((below + name, child))
    yield tarwriter.END
