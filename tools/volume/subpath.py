"""A part of a volume or of an image, or all of it with other owners, mounted by itself.

Whoever writes to the volume may put links in the way, also between our look and the mount: so the kernel walks there
inside the volume (host/beneath.py), and what it has opened is what is mounted.
"""

from __future__ import annotations

import errno
import os

from ..errors import Conflict, NotFound, Unsupported
from ..host import beneath, mounts, owners
from ..host.beneath import Root


def bind(
    volume: str, path: str, target: str, subject: str, maps: tuple[str, str] | None = None, *, kind: str = "volume"
) -> None:  # fmt: skip
    """Mounts what lies at `path` ('': all of it) in the directory `volume` at `target`, which is made; with `maps` as
    host.owners has them, seen as others' files. Raises NotFound, Conflict, Unsupported."""
    try:
        with Root.at(volume) as root:
            fd = root.pin(os.fsencode(path), follow=True)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise NotFound(subject, f"the {kind} has no {path}", f"make it first, or mount the whole {kind}") from None
        why = os.strerror(error.errno or 0).lower()
        raise Conflict(subject, f"its {path} cannot be mounted: {why}", "choose another subpath") from None
    try:
        place(os.fsdecode(beneath.place(fd)), target, subject, maps)
    finally:
        os.close(fd)


def place(source: str, target: str, subject: str, maps: tuple[str, str] | None = None) -> None:
    """The same for a directory or file of the host. Raises Unsupported."""
    os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
    if os.path.isdir(source):
        os.makedirs(target, 0o755, exist_ok=True)
    else:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
    if mounts.is_mounted(target):
        return
    if maps:
        _map(source, target, subject, maps)
    else:
        mounts.mount(source, target, "", flags=mounts.MS_BIND | mounts.MS_REC)


def _map(source: str, target: str, subject: str, maps: tuple[str, str]) -> None:
    try:
        owners.mount(source, target, *maps)
    except OSError as error:
        why = {
            errno.EINVAL: "its file system cannot, or the map overlaps itself",
            errno.ENOSYS: "the kernel cannot; Linux 5.12 does",
        }.get(error.errno or 0, os.strerror(error.errno or 0).lower())
        problem = f"its files cannot be seen as others': {why}"
        raise Unsupported(subject, problem, "leave out idmap and --userns") from None
