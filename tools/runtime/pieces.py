"""A container's log in pieces, so that it stays small and the newest of it is always there.

    log       where the monitor writes: a link to the newest piece, or that piece itself
    log.N     a piece; N counts up from 1
    log.tmp   a link to the next piece, which is not there yet

When the monitor (conmon) has written so much that a piece is full, it opens log.tmp, which it empties, and renames it
to log: by itself it would lose all that there was. Where log.tmp is our link, what it makes is the next piece, and the
rename just moves the link; every older piece stays. So whoever renews the link in time loses nothing, and when nobody
does, the log is as small as ever: log.tmp is then a plain file, and the one after that takes its place.

The link is renewed by each command that looks at the container (`tend`). That costs no memory: with conmon alone, a
container needs what podman's needs. A container that fills two pieces while nobody looks keeps the oldest, and the
newest from its last full piece on. Where more was asked for (max-file), a shell lives beside the monitor and renews the
link within milliseconds of its use: 0.1 MB of memory. It sleeps in the kernel, and when it is killed the log is as
without it.
"""

from __future__ import annotations

import os

from ..host import files, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping

    from ..store.container import Container
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

LOCK = "log.lock"
"""Held by the shell while it lives."""
_PATIENCE_SECONDS = 5
_KEEPER = """\
cd "$1" && b=$2 n=$3 keep=$4 || exit
while [ -e "$5" ]; do
    %s
    dd bs=4096 count=1 >/dev/null 2>&1 || exit
    [ -h "$b.tmp" ] || [ -e "$b.tmp" ] && continue
    [ -e "$b.$((n+1))" ] && n=$((n+1))
    [ "$b" -ef "$b.$n" ] || { n=$((n+1)); ln "$b" "$b.$n"; }
    rm -f "$b.$((n-keep))" "$b.$((n-keep-1))"
    ln -s "$b.$((n+1))" "$b.tmp"
done 2>/dev/null
"""
"""Its stdin tells of renames (inotify), and dd waits for one and takes it. `n` is the number of the newest piece."""
_SLEEP = "read -r _"
"""What waits instead of dd in a dash, which asks for one byte, of what has none that small: the read sleeps until there
is something and then fails. Other shells ask for more, and would take it."""


def listed(path: str) -> list[tuple[int, str]]:
    """The number and path of each piece of the log, the oldest first. The last is the one that is written to."""
    numbers = _numbers(path)
    found = [(number, f"{path}.{number}") for number in numbers]
    newest = numbers[-1] if numbers else 0
    if os.path.exists(path) and not (newest and _same(path, f"{path}.{newest}")):
        found.append((newest + 1, path))
    return found


def is_own_link(path: str) -> bool:
    """Whether the log is a link to one of its pieces."""
    try:
        target = os.readlink(path)
    except OSError:
        return False
    name, _, number = target.removeprefix("./").rpartition(".")
    return name == os.path.basename(path) and number.isdigit()


def prepare(path: str, limit: int, keep: int) -> tuple[int, int]:
    """Makes the log ready for a monitor that is about to start; how many bytes it may write to each piece, and the
    number of the newest piece. `keep` pieces of `limit` bytes may there be."""
    files.remove_file(f"{path}.tmp")
    size = os.stat(path).st_size if os.path.exists(path) else 0
    if keep == 1:
        return max(limit - size, limit // 2), 0
    number = _current(path)
    if not number or not os.path.lexists(path) or size > limit // 2:
        number, size = number + 1, 0
        os.symlink(os.path.basename(f"{path}.{number}"), f"{path}.tmp")
        os.rename(f"{path}.tmp", path)
    _arm(path, number, keep)
    return limit - size, number


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
    if os.path.exists(path) and not (newest and _same(path, f"{path}.{newest}")):
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


def is_kept(container: Container) -> bool:
    """Whether the shell that renews the link lives."""
    return container.is_held(LOCK)


def begin_keeper(container: Container, run_root: str, env: Mapping[str, str], path: str, number: int, keep: int,
                 scope: list[str]) -> None:  # fmt: skip
    """Starts the shell that renews the link to the next piece, and keeps `keep` pieces. `scope` goes before it."""
    from ..host.watch import MOVED_TO, Watch

    end_keeper(container, run_root)
    directory, name = os.path.split(path)
    files.make_directories(container.run_directory(run_root), 0o700)
    dash = process.find("dash")
    script = _KEEPER % (_SLEEP if dash else "")
    words = [dash or "/bin/sh", "-c", script, "log", directory, f"./{name}", str(number), str(keep), container.path]
    lock = container.lock_file(LOCK)
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        with Watch(directory, container.path, changes=MOVED_TO) as watch:
            os.set_blocking(watch.fd, True)
            pid = process.spawn([*scope, *words], env={"PATH": env.get("PATH") or process.SEARCH_PATH},
                                stdin=watch.fd, stdout=null, stderr=null, keep=(lock,), new_session=True)  # fmt: skip
        files.write_atomic(_pid_file(container, run_root), str(pid).encode(), durable=False)
    finally:
        os.close(null)
        os.close(lock)


def end_keeper(container: Container, run_root: str) -> None:
    """Ends that shell, if it lives; its lock says that the process id is still its own."""
    if not is_kept(container):
        return
    pid = process.read_pid(_pid_file(container, run_root))
    if pid:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        process.await_end(pid, _PATIENCE_SECONDS)


def _pid_file(container: Container, run_root: str) -> str:
    return os.path.join(container.run_directory(run_root), "log")
