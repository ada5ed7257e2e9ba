"""Whole directory trees: removed, measured, made durable; never following a link out of them."""

from __future__ import annotations

import os


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
        _empty(fd, os.fstat(fd).st_dev)
    finally:
        os.close(fd)
    os.rmdir(path)


def _empty(fd: int, device: int) -> None:
    with os.scandir(fd) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if not is_directory:
            os.unlink(name, dir_fd=fd)
            continue
        inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            if os.fstat(inner).st_dev == device:
                _empty(inner, device)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=fd)


def sync_filesystem(path: str) -> None:
    """Writes everything of the file system that holds `path` to the disk (syncfs): one call for a whole tree."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(fd)


def size(path: str) -> int:
    """Bytes that a file or directory takes on its disk, mounts left out; what goes away meanwhile is not counted."""
    try:
        top = os.lstat(path)
    except FileNotFoundError:
        return 0
    total = top.st_blocks * 512
    if not os.path.isdir(path) or os.path.islink(path):
        return total
    seen: set[int] = set()
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
            if status.st_dev != top.st_dev or status.st_ino in seen:
                continue
            if status.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                seen.add(status.st_ino)
            total += status.st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
    return total
