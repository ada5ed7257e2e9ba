"""Logs of containers: how large they are on disk, and a host's journal in a mount namespace of its own."""

from __future__ import annotations

from pathlib import Path

JOURNAL = """\
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir -p /run/systemd/journal /run/log /var/log/journal
mount -t tmpfs none /run/log
mount -t tmpfs none /var/log/journal
/lib/systemd/systemd-journald 2>/dev/null &
journal=$!
trap 'kill $journal; wait $journal' EXIT
while ! [ -e /run/systemd/journal/socket ]; do sleep 0.02; done
"""
"""For a shell under `unshare -m`: what follows it has a journal, which ends with the shell."""


def pieces(directory: Path, name: str = "log") -> list[Path]:
    """The files of a log, the oldest first."""
    found = {path.resolve() for path in directory.glob(f"{name}*") if path.is_file() and path.name != f"{name}.lock"}
    inodes = {path.stat().st_ino: path for path in sorted(found, reverse=True)}  # a piece that has two names is one
    return sorted(inodes.values(), key=lambda path: path.stat().st_mtime_ns)


def size(directory: Path, name: str = "log") -> int:
    """Bytes of a log on disk, at this moment."""
    total, seen = 0, set()
    for path in directory.glob(f"{name}*"):
        try:
            found = path.stat()
        except FileNotFoundError:  # an old piece that has just gone, or the link to one that is still to come
            continue
        if found.st_ino not in seen:
            seen.add(found.st_ino)
            total += found.st_size
    return total
