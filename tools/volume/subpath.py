"""A part of a volume, mounted by itself.

Whoever writes to the volume may put links in the way, also between our look and the mount: so the kernel walks there
inside the volume (openat2(2), RESOLVE_IN_ROOT), and what it has opened is what is mounted.
"""

from __future__ import annotations

import errno
import os

from ..errors import Conflict, NotFound
from ..host import mounts

_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_IN_ROOT = 2, 16


def bind(volume: str, path: str, target: str, subject: str) -> None:
    """Mounts what lies at `path` in the directory `volume` at `target`, which is made. Raises NotFound, Conflict."""
    fd = _open(volume, path, subject)
    try:
        source = f"/proc/self/fd/{fd}"
        os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
        if os.path.isdir(source):
            os.makedirs(target, 0o755, exist_ok=True)
        else:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
        if not mounts.is_mounted(target):
            mounts.mount(source, target, "", flags=mounts.MS_BIND | mounts.MS_REC)
    finally:
        os.close(fd)


def _open(volume: str, path: str, subject: str) -> int:
    import ctypes
    import struct

    libc = ctypes.CDLL(None, use_errno=True)
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        how = struct.pack("QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
        fd: int = libc.syscall(_OPENAT2, root, os.fsencode(path), how, len(how))
        number = ctypes.get_errno()
    finally:
        os.close(root)
    if fd >= 0:
        return fd
    if number in (errno.ENOENT, errno.ENOTDIR):
        raise NotFound(subject, f"the volume has no {path}", "make it first, or mount the whole volume")
    raise Conflict(subject, f"its {path} cannot be mounted: {os.strerror(number).lower()}", "choose another subpath")
