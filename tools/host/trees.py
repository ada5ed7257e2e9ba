"""Whole directory trees: removed, measured, made durable; never following a link out of them."""

from __future__ import annotations

import os

from . import libc

_DEPTH = 200
"""Directories in one another that are gone into at once: a container can make more than descriptors or calls reach."""
_PATH = 2000
"""Bytes of a path that are enough: from there on, paths begin anew."""


def remove_tree(path: str) -> None:
    """Removes the file or directory tree `path`; nothing to do when it is gone. Does not cross into mounts.

    A mount point inside raises OSError (EBUSY): what is mounted there belongs to somebody.
    """
    try:
        os.unlink(path)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        if not os.path.isdir(path) or os.path.islink(path):
            raise
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while _empty(fd, os.fstat(fd).st_dev, fd, 0):
            pass
    finally:
        os.close(fd)
    os.rmdir(path)


def _empty(fd: int, device: int, top: int, depth: int) -> bool:
    """Empties a directory `depth` levels below `top`; whether something was too deep, and lies in `top` now."""
    moved = False
    with os.scandir(fd) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=fd)
            continue
        if depth >= _DEPTH:
            os.rename(name, f"deep-{os.urandom(8).hex()}", src_dir_fd=fd, dst_dir_fd=top)
            moved = True
            continue
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            if os.fstat(inner).st_dev == device:
                moved |= _empty(inner, device, top, depth + 1)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=fd)
    return moved


def sync_filesystem(path: str) -> None:
    """Writes everything of the file system that holds `path` to the disk (syncfs): one call for a whole tree."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc.call(path, "syncfs", fd)
    finally:
        os.close(fd)


def size(path: str) -> int:
    """Bytes that a file or directory takes on its disk, mounts left out; what goes away meanwhile is not counted."""
    try:
        top = os.lstat(path)
    except FileNotFoundError:
        return 0
    total = top.st_blocks * 512
    if os.path.isdir(path) and not os.path.islink(path):
        total += _size_within(path, top.st_dev, set())
    return total


def _size_within(path: str, device: int, seen: set[int]) -> int:
    """What is in a directory; `seen` are the files with several names that were counted."""
    total = 0
    far: list[str] = []
    waiting = [path]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except FileNotFoundError:
            continue
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if status.st_dev != device or status.st_ino in seen:
                continue
            if status.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                seen.add(status.st_ino)
            total += status.st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                (far if len(entry.path) > _PATH else waiting).append(entry.path)
    for one in far:
        try:
            fd = os.open(one, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            total += _size_within(f"/proc/self/fd/{fd}", device, seen)
        finally:
            os.close(fd)
    return total
