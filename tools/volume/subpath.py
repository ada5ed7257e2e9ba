"""A part of a volume, mounted by itself.

Whoever writes to the volume may put links in the way, also between our look and the mount: so the kernel walks there
inside the volume (host/beneath.py), and what it has opened is what is mounted.
"""

from __future__ import annotations

import errno
import os

from ..errors import Conflict, NotFound
from ..host import beneath, mounts
from ..host.beneath import Root


def bind(volume: str, path: str, target: str, subject: str) -> None:
    """Mounts what lies at `path` in the directory `volume` at `target`, which is made. Raises NotFound, Conflict."""
    try:
        with Root.at(volume) as root:
            fd = root.pin(os.fsencode(path), follow=True)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise NotFound(subject, f"the volume has no {path}", "make it first, or mount the whole volume") from None
        why = os.strerror(error.errno or 0).lower()
        raise Conflict(subject, f"its {path} cannot be mounted: {why}", "choose another subpath") from None
    try:
        source = os.fsdecode(beneath.place(fd))
        os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
        if os.path.isdir(source):
            os.makedirs(target, 0o755, exist_ok=True)
        else:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
        if not mounts.is_mounted(target):
            mounts.mount(source, target, "", flags=mounts.MS_BIND | mounts.MS_REC)
    finally:
        os.close(fd)
