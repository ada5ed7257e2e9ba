"""What disks and people do to files, and where a store's files are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]


def flip(path: Path) -> None:
    """One bit of the file's middle, as a rotting disk flips it: no time of the file changes."""
    found = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def truncate(path: Path) -> None:
    """Its second half is gone."""
    os.truncate(path, path.stat().st_size // 2)


def remove(path: Path) -> None:
    """It is gone, with all beneath it."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def swap(other: Path) -> Damage:
    """It has the content of another file of its kind."""

    def damage(path: Path) -> None:
        aside = path.with_name(f"{path.name}.swapped")
        path.rename(aside)
        other.rename(path)
        aside.rename(other)

    return damage


def blob(store: Path, digest: str) -> Path:
    """Where a blob is."""
    return store / "images" / "blobs" / digest.replace(":", "/")


def times(path: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file below `path`, to see which ones were written."""
    found = (entry for entry in path.rglob("*") if not entry.is_dir())
    return {str(entry): (entry.lstat().st_ino, entry.lstat().st_mtime_ns) for entry in found}
