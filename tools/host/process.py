"""Other programs, started with posix_spawn: no fork of our memory, no import of subprocess (6 to 19 ms)."""

from __future__ import annotations

import _thread
import os
import select

from ..errors import Unavailable
from . import libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where host programs are looked for when the caller's PATH has nothing: a user's PATH often lacks sbin."""

_SET_CHILD_SUBREAPER = 36


class Result:
    """How a program ended: `status` as a shell shows it (128+n for signal n), and what it wrote."""

    __slots__ = ("status", "stderr", "stdout")

    def __init__(self, status: int, stdout: bytes, stderr: bytes) -> None:
        self.status = status
        self.stdout = stdout
        self.stderr = stderr


def find(program: str, path: str = "") -> str | None:
    """The executable file that `program` names: itself if it has a slash, else the first on `path`, then ours."""
    if "/" in program:
        return program if os.access(program, os.X_OK) and os.path.isfile(program) else None
    for directory in f"{path}:{SEARCH_PATH}".split(":"):
        candidate = os.path.join(directory, program)
        if directory and os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    return None


def within(directory: str, argv: Sequence[str]) -> list[str]:
    """The words that start `argv[0]` (a path) in a directory. What outlives us needs that: it would hold the one that
    its user happened to be in, which could not be unmounted then. Ours stays as it is, for the sake of our threads."""
    return ["/bin/sh", "-c", 'cd "$0" && exec "$@"', directory, *argv]


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: int = 0,
    stdout: int = 1,
    stderr: int = 2,
    keep: Sequence[int] = (),
    new_session: bool = False,
) -> int:
    """Starts `argv[0]` (a path) with these descriptors as 0, 1, 2, and those of `keep` under their numbers; its id.

    What we were given beyond these is not handed on: who waits for the end of a pipe must not wait for a program that
    outlives us. Signals that Python ignores (SIGPIPE) get their default action back. Raises Unavailable when it can't
    start.
    """
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:  # the listing's own, which is closed
                pass
    actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate((stdin, stdout, stderr)) if fd != number]
    room = os.sysconf("SC_OPEN_MAX") if keep else 0
    actions += [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in keep if fd < room]  # onto itself: the exec does not close it
    for fd in keep:
        if fd >= room:  # the same for one that is above the limit, which no action may name
            os.set_inheritable(fd, True)
    try:
        return os.posix_spawn(
            argv[0],
            list(argv),
            env,
            file_actions=actions,
            setsid=new_session,
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
            setsigmask=(),
        )
    except OSError as error:
        raise Unavailable(argv[0], f"cannot be started: {os.strerror(error.errno or 0)}") from None
    finally:
        for fd in keep:
            if fd >= room:
                os.set_inheritable(fd, False)


def is_alive(pid: int) -> bool:
    """Whether there is such a process that has not ended; one that nobody has waited for yet has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def has_word(pid: int, word: str) -> bool:
    """Whether there is such a process that has not ended, and this is a word of its command line."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return word.encode() in file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def read_pid(path: str) -> int:
    """The process id in a file; 0 when there is none (yet)."""
    try:
        with open(path, "rb") as file:
            return int(file.read() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def close_inherited() -> None:
    """Closes every descriptor but the standard streams: locks that our parent holds are not ours to hold on to."""
    os.closerange(3, 1 << 16)


def guard_inherited() -> None:
    """Keeps every descriptor but the standard streams from what we start."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                pass  # the one that listed them


def adopt_orphans() -> None:
    """From now on, processes below ours whose parent has ended are our children (PR_SET_CHILD_SUBREAPER).
    Raises Unavailable."""
    try:
        libc.call("prctl", "prctl", _SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except OSError as error:
        raise Unavailable("prctl", f"refuses us to be a subreaper: {error.strerror}") from None


def apart(work: Callable[[], int], keep: int) -> int:
    """Starts a process that does nothing but `work`, whose value is its exit status; its id. It has our memory as it is
    now, and of all else only the descriptor `keep`: nobody waits for it, or cannot unmount a directory because of it.
    Raises OSError where there can be no more processes."""
    child = os.fork()
    if child:
        return child
    status = 255
    try:
        os.setsid()
        os.chdir("/")
        os.closerange(0, keep)
        os.closerange(keep + 1, 1 << 16)
        status = work()
    finally:
        os._exit(status)


def ended(child: int, options: int = os.WNOHANG) -> int | None:
    """The exit status of a child that has ended, as a shell shows it; None while it lives. 0 where somebody of ours,
    who waits for whatever child, has seen its end."""
    try:
        pid, status = os.waitpid(child, options)
    except ChildProcessError:
        return 0
    return _shown(status) if pid else None


def let_go(child: int) -> None:
    """Nobody is interested in a child's end any more, whenever that comes."""
    _thread.start_new_thread(ended, (child, 0))


def end_tree(pid: int) -> None:
    """Ends a child of ours, all that descend from it or, orphaned, have become our children too, and all that are in
    their sessions; of our own session nobody else.
    """
    sessions: set[int] = set()
    doomed = {pid, *_related(pid, sessions)}
    while doomed:
        for one in doomed:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass
        doomed = _related(pid, sessions)  # what they have started meanwhile


def _related(pid: int, sessions: set[int]) -> set[int]:
    """Living processes below `pid` or us, or in `sessions`, to which those of the ones below are added."""
    parents: dict[int, tuple[int, int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent, _, session = file.read().rpartition(b")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state not in (b"Z", b"X") or int(name) == pid:
            parents[int(name)] = int(parent), int(session)
    own, roots = os.getsid(0), {pid, os.getpid()}
    sessions |= {parents[pid][1]} - {own} if pid in parents else set()
    found: set[int] = set()
    while True:
        more = {
            one for one, (parent, session) in parents.items()
            if one not in found and one != pid and (parent in roots or parent in found or session in sessions)
        }  # fmt: skip
        if not more:
            return found
        found |= more
        sessions |= more | {parents[one][1] for one in more} - {own, 0}  # each may just be about to lead one


def await_end(pid: int, seconds: float | None = None) -> bool:
    """Waits until a process, anybody's, has ended, for so long at most; whether it has."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(None if seconds is None else max(seconds, 0) * 1000))
    finally:
        os.close(fd)


def wait(pid: int) -> int:
    """The exit status of a child as a shell shows it."""
    _, status = os.waitpid(pid, 0)
    return _shown(status)


def _shown(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def wait_or_kill(pid: int) -> int:
    """The same, and the child is killed when we are asked to end meanwhile: it must not go on without us."""
    try:
        return wait(pid)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def run(argv: Sequence[str], *, env: Mapping[str, str], input: bytes = b"") -> Result:
    """Runs a program to its end, feeding `input` and keeping what it writes; for small inputs and outputs."""
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    try:
        try:
            pid = spawn(argv, env=env, stdin=in_read, stdout=out_write, stderr=err_write)
        finally:
            for fd in (in_read, out_write, err_write):
                os.close(fd)
    except BaseException:
        for fd in (in_write, out_read, err_read):
            os.close(fd)
        raise
    found: dict[int, list[bytes]] = {out_read: [], err_read: []}
    poll = select.poll()
    poll.register(out_read, select.POLLIN)
    poll.register(err_read, select.POLLIN)
    left = memoryview(input)
    os.set_blocking(in_write, False)
    poll.register(in_write, select.POLLOUT)
    open_fds = {in_write, out_read, err_read}
    while open_fds:
        for fd, _ in poll.poll():
            if fd == in_write:
                try:
                    left = left[os.write(fd, left[:65536]) :] if left else left
                except BrokenPipeError:
                    left = left[:0]
                if left:
                    continue
            elif part := os.read(fd, 65536):
                found[fd].append(part)
                continue
            poll.unregister(fd)
            os.close(fd)
            open_fds.discard(fd)
    return Result(wait(pid), b"".join(found[out_read]), b"".join(found[err_read]))
