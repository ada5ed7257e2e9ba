"""What a user is told of a layer that cannot be unpacked."""

from __future__ import annotations

import errno
import os

from ..errors import Corrupt, Denied, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..errors import OcipipeError

NEEDS_ROOT = "unpacking layers needs root: use --no-unpack, or run as root"


def refused(subject: str, error: OSError) -> OcipipeError:
    """The user's error for what the kernel or the disk refused."""
    why = f"cannot be unpacked: {os.strerror(error.errno).lower() if error.errno else error}"
    if error.errno in (errno.EPERM, errno.EACCES):
        return Denied(subject, why, NEEDS_ROOT)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(subject, why, "make room, or choose another --root")
    return Unavailable(subject, why, "check the disk under the store, or choose another --root")


def corrupt(subject: str, problem: str) -> Corrupt:
    """The error for an archive that is broken or hostile."""
    return Corrupt(subject, problem, "the image is broken or hostile: have its publisher build it again")
