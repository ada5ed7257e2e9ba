"""Seals: what lets a file that is not named by its digest show that a disk has changed it.

A seal is an extended attribute that holds the digest of the content and the file's time of change. A disk that rots
changes bytes and no times; a program that writes to the file changes its time, and the seal says nothing any more. A
file system without such attributes keeps no seals, and nothing is found out there.
"""

from __future__ import annotations

import errno
import os

from oci_spec import digest

_NAME = b"user.ocipipe.seal"
_NONE = (errno.ENODATA, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES, errno.ENOSPC)


def put(fd: int, data: bytes) -> None:
    """Seals an open file that holds `data`; nothing may write to it after."""
    try:
        os.setxattr(fd, _NAME, f"{digest.of_bytes(data)} {os.fstat(fd).st_mtime_ns}".encode())
    except OSError as error:
        if error.errno not in _NONE:
            raise


def is_whole(fd: int, data: bytes) -> bool | None:
    """Whether `data`, read from an open file, is what was sealed there; None where no seal says so, or somebody has
    written to the file since. False: a disk has changed it."""
    try:
        wanted, _, time = os.getxattr(fd, _NAME).decode("ascii", "replace").partition(" ")
        return wanted == digest.of_bytes(data) if time == str(os.fstat(fd).st_mtime_ns) else None
    except OSError as error:
        if error.errno not in _NONE:
            raise
        return None
