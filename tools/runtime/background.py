"""Small processes that stay beside a container: who waits to start it again, who asks how it is, who keeps its log.

Each is a shell: a Python that sleeps would take ten times the memory. It holds the kernel lock of NAME.lock in the
container's directory and its process id is in NAME in the run-time directory, so everybody sees that it is there, and
whoever starts, stops or removes the container ends it with all that it has started.
"""

from __future__ import annotations

import os
import time

from ..host import files, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from collections.abc import Mapping, Sequence

    from ..store.container import Container
else:
    import _signal as signals  # what it is made of, without the enumerations that it builds at every start

RESTART, HEALTH, LOG = "restart", "health", "log"

_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.002
_BEGIN = 'cd / && echo $$ >"$0" && { [ -z "$1" ] || echo $$ >"$1"; } || exit; shift; '


def begin(
    container: Container,
    run_root: str,
    name: str,
    script: str,
    words: Sequence[str],
    env: Mapping[str, str],
    *,
    keep: Sequence[int] = (),
    cgroup: str = "",
    stdin: int = -1,
) -> None:
    """Leaves a shell that runs `script` with `words` as its $1, $2, …, in place of one of this name that is there.

    It has the descriptors of `keep` under their numbers, reads `stdin` (-1: nothing), and puts itself into the cgroup
    whose directory is named.
    """
    end(container, run_root, name)
    directory = container.run_directory(run_root)
    files.make_directories(directory, 0o700)
    joined = os.path.join(cgroup, "cgroup.procs") if cgroup else ""
    lock = container.lock_file(f"{name}.lock")
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        argv = ["/bin/sh", "-c", _BEGIN + script, os.path.join(directory, name), joined, *words]
        given = null if stdin < 0 else stdin
        process.spawn(argv, env=env, stdin=given, stdout=null, stderr=null, keep=(lock, *keep), new_session=True)
    finally:
        os.close(null)
        os.close(lock)


def is_there(container: Container, run_root: str, name: str) -> bool:
    """Whether such a shell does its work, and not just something that it has started and left."""
    if not container.is_held(f"{name}.lock"):
        return False
    pid = process.read_pid(os.path.join(container.run_directory(run_root), name))
    return not pid or process.is_alive(pid)  # without a number it is just beginning


def end(container: Container, run_root: str, name: str) -> None:
    """Ends it, and everything that it has started. The lock says that the process id is still its own."""
    path = os.path.join(container.run_directory(run_root), name)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while container.is_held(f"{name}.lock") and time.monotonic() < deadline:
        pid = process.read_pid(path)
        if pid:
            try:
                os.killpg(pid, signals.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(_POLL_SECONDS)  # it is just beginning, or just ending
    files.remove_file(path)
