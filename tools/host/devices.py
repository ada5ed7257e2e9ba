"""Device nodes of this host, as runtime-spec's linux.devices wants them."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

_NOT_SHARED = frozenset(("console", "fd", "mqueue", "ptmx", "pts", "shm", "stderr", "stdin", "stdout"))


def describe(source: str, destination: str) -> Document | None:
    """The node at `source` as linux.devices has it, at `destination`; None when it is no device. Raises OSError."""
    found = os.stat(source)
    if stat.S_ISCHR(found.st_mode):
        kind = "c"
    elif stat.S_ISBLK(found.st_mode):
        kind = "b"
    else:
        return None
    return {
        "path": destination,
        "type": kind,
        "major": os.major(found.st_rdev),
        "minor": os.minor(found.st_rdev),
        "fileMode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
    }


def everything(directory: str = "/dev") -> Iterator[Document]:
    """Every device node of the host but terminals' and what each container has of its own."""
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if (directory == "/dev" and name in _NOT_SHARED) or os.path.islink(path):
            continue
        if os.path.isdir(path):
            yield from everything(path)
        else:
            found = describe(path, path)
            if found is not None:
                yield found
