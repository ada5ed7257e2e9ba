"""Layer stacks on the real kernel: applied as overlay layers and mounted, or applied one over the other."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tars import chunked

from ocipipe.host import mounts
from ocipipe.layers.apply import apply_layer

MADE_NOW = 1_700_000_000
"""Times after this (2023) were not in an archive of ours: the kernel's clock gave them."""


class Node:
    """What one path of a tree shows; equal when all of it is."""

    def __init__(self, path: bytes) -> None:
        found = os.lstat(path)
        self.kind = stat.S_IFMT(found.st_mode)
        self.mode = stat.S_IMODE(found.st_mode)
        self.owner = (found.st_uid, found.st_gid)
        self.mtime = found.st_mtime_ns if found.st_mtime < MADE_NOW else None
        self.content: object = None
        if stat.S_ISREG(found.st_mode):
            self.content = Path(os.fsdecode(path)).read_bytes()
        elif stat.S_ISLNK(found.st_mode):
            self.content = os.readlink(path)
        elif not stat.S_ISDIR(found.st_mode):
            self.content = found.st_rdev
        self.xattrs = {
            name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)
            if not name.startswith("trusted.overlay.")
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self.kind:o} {self.mode:o} {self.owner} {self.mtime} {self.content!r} {self.xattrs}>"


def snapshot(root: str | Path) -> dict[bytes, Node]:
    """Every path of a tree (the root is `b""`) with what it shows. A name that is listed but not there is an error."""
    top = os.fsencode(root)
    nodes = {b"": Node(top)}
    pending = [b""]
    while pending:
        directory = pending.pop()
        for name in os.listdir(os.path.join(top, directory)):
            path = os.path.join(directory, name)
            nodes[path] = Node(os.path.join(top, path))
            if stat.S_ISDIR(nodes[path].kind):
                pending.append(path)
    return nodes


def apply_stack(archives: Sequence[bytes], place: Path) -> list[str]:
    """Applies the archives (lowest first) each to a directory of its own; the directories, topmost first."""
    directories: list[str] = []
    for number, archive in enumerate(archives):
        directory = place / f"layer{number}"
        directory.mkdir(parents=True)
        apply_layer(chunked(archive, 4000), str(directory), directories)
        directories = [str(directory), *directories]
    return directories


def apply_plain(archives: Sequence[bytes], directory: Path) -> Path:
    """Applies the archives one over the other to one new directory."""
    directory.mkdir(parents=True)
    for archive in archives:
        apply_layer(chunked(archive, 4000), str(directory), form="plain")
    return directory


@contextmanager
def merged(directories: Sequence[str], place: Path) -> Iterator[Path]:
    """A read-only overlay of unpacked layers, topmost first, over an empty bottom."""
    bottom, target = place / "bottom", place / "merged"
    bottom.mkdir()
    target.mkdir()
    mounts.mount(
        "overlay", str(target), "overlay", "lowerdir=" + ":".join([*directories, str(bottom)]), mounts.MS_RDONLY
    )
    try:
        yield target
    finally:
        mounts.unmount(str(target), lazy=True)


def shown(archives: Sequence[bytes], place: Path) -> dict[bytes, Node]:
    """What an overlay of the archives' layers shows."""
    with merged(apply_stack(archives, place), place) as target:
        return snapshot(target)
