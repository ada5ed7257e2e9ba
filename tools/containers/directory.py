"""A directory of the host as a container's root, in place of an image's layers: what --rootfs names.

It stays where it is, and is nobody's to remove: a container changes it in place, or, with an overlay, has what it
changes in a writable layer of its own, as above an image. There is no image config, so the command line says it all.
"""

from __future__ import annotations

import os

from oci_spec.image_config import ImageConfig

from ..errors import Conflict, NotFound, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store

_OVERLAY = ":O"
"""After the directory's path, podman's way to ask for an overlay."""


class Directory:
    """Stands where a RunnableImage does. `path` is real and absolute."""

    __slots__ = ("chain_ids", "config", "lowers", "overlay", "path")

    def __init__(self, path: str, *, overlay: bool) -> None:
        self.path = path
        self.overlay = overlay
        self.config = ImageConfig(b"{}", {}, [])
        self.lowers = [path] if overlay else []
        self.chain_ids: list[Digest] = []

    @property
    def names(self) -> dict[str, str]:
        """What it is called, for annotations."""
        return {"rootfs": self.path}

    @property
    def record(self) -> Document:
        """What a container's record says of it."""
        return {"rootfs": {"path": self.path, "overlay": self.overlay}, "chainIds": []}


def named(ctx: Context, store: Store, text: str) -> Directory:
    """The directory that `text` names, DIR or DIR:O. Raises UsageError, NotFound, Conflict."""
    overlay = text.endswith(_OVERLAY)
    given = text.removesuffix(_OVERLAY) if overlay else text
    if not given or text == "-":
        raise UsageError(text, "names no directory, as --rootfs wants it", "name one, like ./tree")
    return _apart(ctx, store, given, overlay=overlay)


def of_record(ctx: Context, store: Store, record: Document) -> Directory:
    """The directory of another container's record. Raises as `named`."""
    found: Any = record["rootfs"]
    return _apart(ctx, store, found["path"], overlay=found["overlay"])


def _apart(ctx: Context, store: Store, given: str, *, overlay: bool) -> Directory:
    """One that is there, and apart from what we keep."""
    path = os.path.realpath(given)
    check(path)
    remedy = "name a directory that holds the container's files alone"
    if path == "/":
        raise Conflict(given, "is this host's own root, and what keeps containers lies in it", remedy)
    for ours in map(os.path.realpath, (store.root, ctx.run_root)):
        if f"{path}/".startswith(f"{ours}/") or f"{ours}/".startswith(f"{path}/"):
            raise Conflict(given, f"and {ours}, where containers are kept, lie in one another", remedy)
    return Directory(path, overlay=overlay)


def check(path: str) -> None:
    """Raises NotFound, UsageError unless a directory is at `path`."""
    if not os.path.exists(path):
        raise NotFound(path, "no such directory, which is to be the container's root", "make it")
    if not os.path.isdir(path):
        raise UsageError(path, "is no directory", "img-import makes an image of an archive")
