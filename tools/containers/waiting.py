"""Between two runs of a container: somebody who waits in the background, and then starts it again.

It is a shell that sleeps: a Python that does would take ten times the memory. It holds the lock of `restart.lock`, so
everybody sees that it is there, and whoever starts, stops or removes the container ends it.
"""

from __future__ import annotations

import os

from ..host import files, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals

    from ..context import Context
    from ..store.container import Container
else:
    import _signal as signals  # what it is made of, without the enumerations that it builds at every start

_PATIENCE_SECONDS = 5


def begin(ctx: Context, container: Container, seconds: float) -> None:
    """Leaves a process that sleeps for so long and then starts the container, unless somebody has by then."""
    directory = container.run_directory(ctx.run_root)
    files.make_directories(directory, 0o700)
    lock = container.lock_file("restart.lock")
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        program = os.path.join(ctx.bin, "ctr-start")
        words = [program, "--root", ctx.root, "--run-root", ctx.run_root, "--progress", "none", "--if-waiting"]
        script = 'sleep "$0" && exec "$@"'
        argv = ["/bin/sh", "-c", script, f"{seconds:.3f}", *words, str(container.record["finished"]), container.id]
        pid = process.spawn(argv, env=ctx.env, stdin=null, stdout=null, stderr=null, keep=(lock,), new_session=True)
        files.write_atomic(os.path.join(directory, "restart"), str(pid).encode(), durable=False)
    finally:
        os.close(null)
        os.close(lock)


def end(ctx: Context, container: Container) -> None:
    """Ends who waits to start the container again; the lock says that the process id is still that one's."""
    if not container.is_held("restart.lock"):
        return
    pid = process.read_pid(os.path.join(container.run_directory(ctx.run_root), "restart"))
    if pid:
        try:
            os.killpg(pid, signals.SIGKILL)
        except ProcessLookupError:
            return
        process.await_end(pid, _PATIENCE_SECONDS)
    files.remove_file(os.path.join(container.run_directory(ctx.run_root), "restart"))
