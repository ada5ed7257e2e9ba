"""Whiteouts: what they are called in a layer's archive (image-spec layer.md, Whiteouts) and how overlayfs marks them.

In an archive `.wh.NAME` hides NAME and `.wh..wh..opq` hides all else of its directory, in lower layers only. In an
overlay directory a character device 0:0 hides its name, and `trusted.overlay.opaque=y` makes a directory opaque.
"""

from __future__ import annotations

import errno
import os
import stat

from oci_spec.tarfields import Damaged

PREFIX = b".wh."
OPAQUE = b".wh..wh..opq"
_SPECIAL = b".wh..wh."
"""aufs kept its own files under such names (`.wh..wh.plnk`, `.wh..wh.aufs`); they are no content."""
XATTR = b"trusted.overlay.opaque"
DEVICE = os.makedev(0, 0)


def hidden(name: bytes) -> bytes:
    """The name that a whiteout `.wh.NAME` hides. Raises Damaged when it is none that an entry could have."""
    target = name[len(PREFIX) :]
    if target in (b"", b".", b".."):
        raise Damaged("a whiteout names no file")
    return target


def is_special(name: bytes) -> bool:
    """Whether `name` is one of aufs's own, to be passed over with all beneath it; the opaque mark is not."""
    return name.startswith(_SPECIAL) and name != OPAQUE


def is_whiteout(found: os.stat_result) -> bool:
    """Whether this entry of an overlay directory hides its name."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == DEVICE


def make_whiteout(name: bytes, dir_fd: int) -> None:
    """Raises FileExistsError when the name is in use."""
    os.mknod(name, stat.S_IFCHR, DEVICE, dir_fd=dir_fd)


def is_opaque(directory: bytes, *, follow: bool = False) -> bool:
    """Whether a directory of an unpacked layer hides those of the layers beneath it; `follow` as in read_xattrs."""
    try:
        return os.getxattr(directory, XATTR, follow_symlinks=follow) == b"y"
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return False
        raise


def make_opaque(fd: int) -> None:
    os.setxattr(fd, XATTR, b"y")
