"""Whether a file is the blob that a descriptor describes."""

from __future__ import annotations

import os
import stat

from oci_spec import digest

from ..host import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor

    from .contract import Tap


class Damage:
    """What is wrong with a blob: `kind` is `missing`, `truncated` or `corrupt`, `problem` the words for it."""

    __slots__ = ("kind", "problem")

    def __init__(self, kind: str, problem: str) -> None:
        self.kind = kind
        self.problem = problem


def look(path: str, descriptor: Descriptor, watch: Tap | None, *, sizes_only: bool) -> Damage | None:
    """What is wrong with the file at `path`; None when it is whole. `watch` sees every byte that is read."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            return Damage("corrupt", "is no regular file")
        if found.st_size != descriptor.size:
            kind = "truncated" if found.st_size < descriptor.size else "corrupt"
            return Damage(kind, f"is {found.st_size} bytes long, not {descriptor.size}")
        if sizes_only:
            return None
        state = digest.hasher(descriptor.digest.algorithm)
        for chunk in files.read_chunks(path):
            state.update(chunk)
            if watch:
                watch(chunk)
    except (FileNotFoundError, NotADirectoryError):
        return Damage("missing", "is not in the store")
    except OSError as error:
        return Damage("corrupt", f"cannot be read: {os.strerror(error.errno or 0).lower()}")
    content = f"{descriptor.digest.algorithm}:{state.hexdigest()}"
    return None if content == descriptor.digest else Damage("corrupt", f"its content is {content}")
