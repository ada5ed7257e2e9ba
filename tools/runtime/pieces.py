"""A container's log in pieces, so that it stays small and the newest of it is always there.

    log       where the monitor writes: a link to the newest piece, or that piece itself
    log.N     a piece; N counts up from 1
    log.tmp   a link to the next piece, which is not there yet

When the monitor (conmon) has written so much that a piece is full, it opens log.tmp, which it empties, and renames it
to log: by itself it would lose all that there was. Where log.tmp is our link, what it makes is the next piece, and the
rename just moves the link; every older piece stays. So whoever renews the link in time loses nothing, and when nobody
does, the log is as small as ever: log.tmp is then a plain file, and the one after that takes its place.

The link is renewed by ctr-logs (`tend`) and at each start (`prepare`). That costs no memory: with conmon alone, a
container needs what podman's needs. A container that fills two pieces while nobody looks keeps the oldest, and the
newest from its last full piece on. Where more was asked for (max-file), a shell lives beside the monitor and renews the
link within milliseconds of its use: 0.1 MB of memory of its own, 0.25 MB with its share of what others have too. It
sleeps in the kernel, and when it is killed the log is as without it.
"""

from __future__ import annotations

import os

from ..host import cgroups, files, process
from . import background

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..store.container import Container

_KEEPER = """\
cd "$1" && b=$2 n=$3 keep=$4 || exit
while [ -e "$5" ]; do
    if ! [ -h "$b.tmp" ] && ! [ -e "$b.tmp" ]; then
        [ -e "$b.$((n+1))" ] && n=$((n+1))
        [ "$b" -ef "$b.$n" ] || n=$((n+1))
        rm -f "$b.$((n-keep))" "$b.$((n-keep-1))"
        [ "$b" -ef "$b.$n" ] || ln "$b" "$b.$n"
        ln -s "$b.$((n+1))" "$b.tmp"
    fi
    %s
    dd bs=4096 count=1 || exit
done
"""
"""Its stdin tells of renames (inotify), and dd waits for one and takes it. `n` is the number of the newest piece."""
_SLEEP = "read -r _"
"""What waits instead of dd in a dash, which asks for one byte, of what has none that small: the read sleeps until there
is something and then fails. Other shells ask for more, and would take it."""


def listed(path: str) -> list[tuple[int, str]]:
    """The number and path of each piece of the log, the oldest first. The last is the one that is written to."""
    while True:
        numbers = _numbers(path)
        found = [(number, f"{path}.{number}") for number in numbers]
        if not _is_unnumbered(path, numbers):
            return found
        if _numbers(path) == numbers:  # so none has come that is older than this one
            return [*found, (max(numbers, default=0) + 1, path)]


def opened(path: str, number: int, piece: str) -> int:
    """A descriptor to read a piece, as it is listed; -1 when it is another one or none by now."""
    try:
        fd = os.open(piece, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1
    if piece == path and (number, piece) not in listed(path):
        os.close(fd)
        return -1
    return fd


def _is_unnumbered(path: str, numbers: list[int]) -> bool:
    """Whether the log itself is a piece, and none of those with a number."""
    if is_own_link(path) or not os.path.exists(path):
        return False
    return not numbers or not _same(path, f"{path}.{numbers[-1]}")


def is_own_link(path: str) -> bool:
    """Whether the log is a link to one of its pieces."""
    try:
        target = os.readlink(path)
    except OSError:
        return False
    name, _, number = target.removeprefix("./").rpartition(".")
    return name == os.path.basename(path) and number.isdigit()


def prepare(path: str, limit: int, keep: int) -> int:
    """Makes the log ready for a monitor that is about to start; how many bytes it may write to each piece. `keep`
    pieces of `limit` bytes may there be."""
    files.remove_file(f"{path}.tmp")
    size = os.stat(path).st_size if os.path.exists(path) else 0
    if keep == 1:
        return max(limit - size, limit // 2)
    number = _current(path)
    if not number or not os.path.lexists(path) or size > limit // 2:
        number, size = number + 1, 0
        os.symlink(os.path.basename(f"{path}.{number}"), f"{path}.tmp")
        os.rename(f"{path}.tmp", path)
    _arm(path, number, keep)
    return limit - size


def tend(path: str, keep: int) -> None:
    """Renews the link to the next piece if it was used, and removes older pieces than `keep`. The container's lock is
    ours; its monitor may be writing."""
    if not os.path.lexists(f"{path}.tmp"):
        _arm(path, _current(path), keep)


def _arm(path: str, number: int, keep: int) -> None:
    for old in _numbers(path):
        if old <= number - keep:
            files.remove_file(f"{path}.{old}")
    try:
        os.symlink(os.path.basename(f"{path}.{number + 1}"), f"{path}.tmp")
    except FileExistsError:
        pass  # the monitor has just begun with a new piece of its own


def _current(path: str) -> int:
    """The number of the piece that is written to, which gets one if it has none; 0 when there is none."""
    numbers = _numbers(path)
    newest = numbers[-1] if numbers else 0
    if is_own_link(path):
        return max(newest, int(os.readlink(path).rpartition(".")[2]))
    if _is_unnumbered(path, numbers):
        newest += 1
        os.link(path, f"{path}.{newest}")
    return newest


def _numbers(path: str) -> list[int]:
    directory, name = os.path.split(path)
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    begin = len(name) + 1
    ends = (one[begin:] for one in names if one.startswith(f"{name}."))
    return sorted(int(end) for end in ends if end.isascii() and end.isdigit() and end[0] != "0" and len(end) < 16)


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except FileNotFoundError:
        return False


def begin_keeper(container: Container, run_root: str, env: Mapping[str, str], path: str, keep: int) -> None:
    """Starts the shell that renews the link to the next piece, and keeps `keep` pieces, beside the container's monitor,
    which may be writing already."""
    from ..host.watch import MOVED_TO, Watch

    directory, name = os.path.split(path)
    script = _KEEPER % (_SLEEP if os.path.basename(os.path.realpath("/bin/sh")) == "dash" else "")
    monitor = process.read_pid(os.path.join(container.run_directory(run_root), "monitor"))
    beside = cgroups.directory(monitor, "") if monitor and cgroups.version() == 2 else ""  # not our login's
    with Watch(directory, container.path, changes=MOVED_TO) as watch:
        os.set_blocking(watch.fd, True)
        newest = max(_numbers(path), default=0)
        words = [directory, f"./{name}", str(newest), str(keep), container.path]
        background.begin(container, run_root, background.LOG, script, words, env, cgroup=beside, stdin=watch.fd)
