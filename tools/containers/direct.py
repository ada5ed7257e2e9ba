"""A container as our own child: no monitor, its streams are ours, and nothing of what it says is kept."""

from __future__ import annotations

import os

from ..host import files, process, times
from ..runtime import foreground, oci
from ..runtime.oci import RuntimeFailed
from . import ending, joining, preparing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


class Aside:
    """How a process runs that has nothing of our own streams: `stdin` and `output` are descriptors of its own.

    `started` is told the runtime's process; `ended` the exit status, when its root is unmounted and not yet removed.
    Such a process gets none of the signals that we get: it is ended through the runtime.
    """

    __slots__ = ("ended", "output", "started", "stdin")

    def __init__(self, stdin: int, output: int, started: Callable[[int], None], ended: Callable[[int], None]) -> None:
        self.stdin = stdin
        self.output = output
        self.started = started
        self.ended = ended


def run(
    ctx: Context, store: Store, container: Container, config: Document, *, interactive: bool, aside: Aside | None = None
) -> int:
    """Runs the process of a container that was just made, to its end; its exit status. With --rm it is gone then.

    Its root is mounted and its lock ours. With `aside`, in any thread. Raises CommandNotFound (127), CannotExecute
    (126), RuntimeFailed (125).
    """
    runtime = ending.runtime_of(container, ctx.env)
    ran = False
    try:
        # A terminal's keys must reach the process: the runtime makes it raw, and nothing else would see Ctrl-C.
        terminal = bool(config["process"].get("terminal"))  # type: ignore[attr-defined]
        if aside is not None:
            stdin = aside.stdin
        else:
            stdin = 0 if interactive or terminal else os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        preparing.check(container, config)
        directory = container.run_directory(ctx.run_root)
        files.make_directories(directory, 0o700)
        files.make_directories(runtime.root, 0o700)
        log, pid_file = os.path.join(directory, "runtime.log"), os.path.join(directory, "pid")

        def start() -> int:
            if container.record.get("health"):
                from . import health

                health.begin(ctx, container, config)
            output = None if aside is None else aside.output
            pid = runtime.run(container.id, container.path, log, pid_file, stdin, lock, output)
            files.write_atomic(os.path.join(directory, "monitor"), str(pid).encode(), durable=False)
            container.update(status="running", started=times.stamp(times.of_seconds(ctx.now())), **joined.published)
            ending.tell(ctx, store, container, "start")
            return pid

        lock = container.lock_file("run.lock")
        try:
            with joining.Joined(ctx, store, container) as joined:
                if aside is not None:
                    pid = start()
                    aside.started(pid)
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                else:
                    ctx.progress.close()  # stderr is the process's now
                    code = foreground.run(
                        start,
                        lambda: process.read_pid(pid_file),
                        lambda: runtime.delete(container.id),
                        terminal=terminal,
                    )
        finally:
            os.close(lock)
        status = 128 - code if code < 0 else code
        if code < 0:  # the runtime was killed: its process may live on
            runtime.delete(container.id)
        started = os.path.exists(pid_file)
        problem = oci.last_error(log) if status else ""
        if status and (not started or (problem and not runtime.tells_pid_late)):
            raise RuntimeFailed(
                container.name,
                f"{runtime.name} cannot start it: {problem or f'it ended with status {status}'}",
                "see the options, and the runtime's needs",
            )
        ran = True
        ending.settle(ctx, store, container, status)
        if aside is not None:
            aside.ended(status)
        return status
    finally:
        if not ran and os.path.exists(os.path.join(runtime.root, container.id)):
            runtime.delete(container.id)
        if ran and not container.record["removedAtEnd"]:
            store.containers.keep(container)
        else:
            ending.remove(ctx, store, container)
        container.release()
