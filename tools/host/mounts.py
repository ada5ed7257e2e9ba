"""Mounts: mount(2) and umount2(2), and what /proc says is mounted."""

from __future__ import annotations

import errno
import os

from . import libc, trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE = 4096, 16384, 1 << 18, 1 << 19
MS_REMOUNT = 32
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8
_CLONE_NEWNS = 1 << 17


def mount(source: str, target: str, fstype: str, options: str = "", flags: int = 0) -> None:
    """mount(2). Raises OSError with the target's name."""
    words = os.fsencode(source), os.fsencode(target), fstype.encode(), flags, options.encode() or None
    libc.call(target, "mount", *words)


def unmount(target: str, lazy: bool = False) -> None:
    """umount2(2), never following a link in the last component. Raises OSError; EINVAL when nothing is mounted."""
    libc.call(target, "umount2", os.fsencode(target), UMOUNT_NOFOLLOW | (MNT_DETACH if lazy else 0))


def leave_host_namespace() -> None:
    """From now on this process's mounts are its own: nobody else sees them, and they end with it, however it ends.
    Raises OSError."""
    libc.call("mount namespace", "unshare", _CLONE_NEWNS)
    mount("none", "/", "", flags=MS_REC | MS_PRIVATE)


def overlay(
    lowers: Sequence[str], upper: str, work: str, target: str, links: str, label: str = "", *, volatile: bool = False
) -> None:
    """Mounts an overlay of `lowers` (topmost first) with a writable `upper` on `target`; with '' for that, of two or
    more lowers, read only.

    Inode index, metadata-only copy-up and directory redirects are off, so that `upper` can be read back as a layer.
    mount(2) takes one page of options: where the paths would not fit, the layers are named through short links in the
    directory `links`, which is made for that. With a `label`, all that is in it has that label of SELinux's.

    What is written to a `volatile` one need not last: nothing waits for the disk, neither fsync nor the unmount, which
    else has all of the file system written that `upper` is on. Where the kernel has no such overlay (before 5.10), it
    is one that lasts.
    """
    writable = f",upperdir={_escape(upper)},workdir={_escape(work)}" if upper else ""
    tail = f"{writable},index=off,metacopy=off,redirect_dir=off"
    if label:
        tail += f',context="{label}"'
    if volatile and upper:
        trees.remove_tree(os.path.join(work, "work", "incompat"))  # the mark of an earlier one, which forbids another
        try:
            _overlay(lowers, f"{tail},volatile", target, links)
            return
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
    _overlay(lowers, tail, target, links)


def _overlay(lowers: Sequence[str], tail: str, target: str, links: str) -> None:
    options = "lowerdir=" + ":".join(_escape(lower, ":") for lower in lowers) + tail
    if len(os.fsencode(options)) < 4096:
        mount("overlay", target, "overlay", options)
        return
    os.makedirs(links, exist_ok=True)
    for number, lower in enumerate(lowers):
        link = os.path.join(links, str(number))
        if not os.path.lexists(link):
            os.symlink(lower, link)
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.chdir(links)
    try:
        mount("overlay", target, "overlay", "lowerdir=" + ":".join(map(str, range(len(lowers)))) + tail)
    finally:
        os.fchdir(before)
        os.close(before)


def _escape(path: str, also: str = "") -> str:
    for character in "\\," + also:
        path = path.replace(character, "\\" + character)
    return path


def mounted_under(path: str) -> list[str]:
    """Mount points at or below `path` in this mount namespace, innermost first."""
    prefix = path.rstrip("/") + "/"
    found = []
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            field = line.split()[4]
            if b"\\" in field:
                field = field.decode("unicode_escape").encode("latin-1")
            point = os.fsdecode(field)
            if point == path or point.startswith(prefix):
                found.append(point)
    return sorted(found, key=len, reverse=True)


def is_mounted(path: str) -> bool:
    """Whether something is mounted on the directory `path`, as far as its device tells: not for bind mounts of one
    file system in itself."""
    try:
        return os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev
    except FileNotFoundError:
        return False


def unmount_under(path: str) -> None:
    """Unmounts all that is mounted at or below `path`, detaching what is still busy; nothing where that is from."""
    points = mounted_under(path)
    for point in points:
        if any(other.startswith(point + "/") for other in points):
            mount("none", point, "", flags=MS_PRIVATE)  # a bind of what is shared would take the same away from there
    for point in points:
        try:
            unmount(point)
        except OSError:
            unmount(point, lazy=True)
