"""A directory as one tar archive, and one as a directory: every file just as it is, in a fixed order.

Unlike a layer's (flatten.py, apply.py in its other forms), nothing here has a meaning for overlayfs: names that begin
like whiteouts, devices 0:0 and overlayfs's own attributes are files and attributes like others.
"""

from __future__ import annotations

import errno

from oci_spec import tarwriter

from ..errors import Unsupported
from ..host.beneath import Root
from . import attributes
from .members import TOO_LONG, Members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def archive(directory: str) -> Iterator[bytes]:
    """The archive of a directory, from its own entry to its end marker; holes are left out.

    Every directory stands before what is in it, names in byte order. What is mounted in it is not in it. What is
    removed meanwhile is left out, and links that are put in its place lead nowhere. Raises OSError, Conflict when a
    file becomes shorter while it is read, and Unsupported for a path that is too long.
    """
    members = Members(_is_kept, sparse=True)
    try:
        with Root.at(directory) as root:
            for path, pin, found in root.walk(mounted=False):
                yield from members.tar(path or b".", pin, found)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise Unsupported(directory, *TOO_LONG) from None
        raise
    yield tarwriter.END


def _is_kept(name: bytes) -> bool:
    return name not in attributes.HOST_ONLY
