"""Files brought into an empty volume, so that it is empty or has them all, whenever a command is killed.

They are made aside, out of every container's reach, and become the volume's `filling` when they are whole; from then
on they belong to the volume, and whoever takes it next moves those that are not there yet. Of a file system that the
driver's options mount nothing lies beside it: that is filled in place, under a mark that says that it is half done, and
filled again by who finds the mark. No container may run with it meanwhile.
"""

from __future__ import annotations

import os

from ..errors import Conflict
from ..host import files, locks, mounts, rooted
from ..host.trees import remove_tree, sync_filesystem
from .copy import copy_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..store.store import Store
    from ..store.volumes import Volume

    Fill = Callable[[str, int], None]
    """Makes the files in an empty directory, and gives it its own attributes. A program that helps it inherits this
    lock: as long as it works, nobody else works there, though we be killed."""

_FILLING, _HALF = "filling", "half"
_NO_CONTENT = frozenset(("lost+found",))
"""What a new file system has of its own accord."""


def is_mounted(volume: Volume) -> bool:
    """Whether something is mounted over the volume's directory."""
    return volume.data in mounts.mounted_under(volume.data)


def is_pending(volume: Volume) -> bool:
    """Whether a killed command has left files for the volume that `finish` has to move."""
    return os.path.lexists(os.path.join(volume.path, _FILLING))


def is_empty(volume: Volume) -> bool:
    """Whether the volume, whose lock we have, can be filled."""
    if os.path.lexists(os.path.join(volume.path, _HALF)):
        return True
    return not is_pending(volume) and set(os.listdir(volume.data)) <= _NO_CONTENT


def finish(volume: Volume) -> None:
    """Moves the files that belong into a volume; its lock is ours. What the volume has by now stays."""
    source = os.path.join(volume.path, _FILLING)
    if not is_pending(volume):
        return
    found = os.stat(source)
    for name in os.listdir(source):
        target = os.path.join(volume.data, name)
        if not os.path.lexists(target):
            os.rename(os.path.join(source, name), target)
    for attribute in os.listxattr(source):
        os.setxattr(volume.data, attribute, os.getxattr(source, attribute))
    os.chown(volume.data, found.st_uid, found.st_gid)
    os.chmod(volume.data, found.st_mode & 0o7777)
    os.utime(volume.data, ns=(found.st_atime_ns, found.st_mtime_ns))
    files.sync_directory(volume.data)
    remove_tree(source)


def fill(store: Store, volume: Volume, write: Fill) -> bool:
    """Fills a volume whose lock is ours, if it is empty; whether it was. Raises what `write` raises."""
    finish(volume)
    if not is_empty(volume):
        return False
    if is_mounted(volume):
        return _in_place(store, volume, write)
    aside, lock = store.volumes.begin(volume.name)
    try:
        os.chmod(aside, 0o755)
        write(aside, lock)
        sync_filesystem(aside)
        os.rename(aside, os.path.join(volume.path, _FILLING))
        files.sync_directory(volume.path)
    finally:
        remove_tree(aside)
        os.close(lock)
    finish(volume)
    return True


def _in_place(store: Store, volume: Volume, write: Fill) -> bool:
    if any(locks.is_held(os.path.join(one.path, "run.lock")) for one in store.volumes.users(volume.name)):
        return False  # a container runs with it: this is not its first use, and its links could lead us anywhere
    mark = os.path.join(volume.path, _HALF)
    os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))  # that it is there is all that it says
    files.sync_directory(volume.path)
    write(volume.data, volume.lock)
    sync_filesystem(volume.data)
    files.remove_file(mark)
    return True


def copy_up(store: Store, name: str, rootfs: str, destination: str, env: Mapping[str, str]) -> bool:
    """Fills a volume, if it is empty, with what an image has at `destination`; whether it did.

    `rootfs` is the container's root, mounted, and nothing runs in it; links there are followed inside it only. Where
    the image has a directory the volume gets its owner, mode and attributes too, where it has nothing all stays as it
    is. Of containers that come to it at once, one fills it, and the others wait. Raises NotFound, Conflict where the
    image has a file, Unavailable.
    """
    source = rooted.resolve(rootfs, destination)
    if not os.path.lexists(source):
        return False
    if not os.path.isdir(source):
        raise Conflict(destination, "is no directory in the image, and a volume is one", "choose another destination")
    with store.volumes.locked(name, shared=True) as volume:
        if not is_pending(volume) and not is_empty(volume):
            return False
    with store.volumes.locked(name) as volume:
        return fill(
            store, volume, lambda place, lock: copy_tree(source, place, f"{destination} of the image", env, lock)
        )
