"""A container as our own child: no monitor, what it says goes where our streams do, and nothing of it is kept."""

from __future__ import annotations

import os

from ..host import files, process, times
from ..runtime import foreground, oci, stdio
from ..runtime.oci import RuntimeFailed
from . import ending, joining, preparing, starting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


class Aside:
    """How a process runs that has nothing of our own streams: `stdin` and `output` are descriptors of its own.

    `made` is told the process, our child, before it begins; `ended` the exit status, when its root is unmounted and not
    yet removed. Such a process gets none of the signals that we get: from `made` on it can be killed.
    """

    __slots__ = ("ended", "made", "output", "stdin")

    def __init__(self, stdin: int, output: int, made: Callable[[int], None], ended: Callable[[int], None]) -> None:
        self.stdin = stdin
        self.output = output
        self.made = made
        self.ended = ended


def run(
    ctx: Context, store: Store, container: Container, config: Document, *, interactive: bool, aside: Aside | None = None
) -> int:
    """Runs the process of a container that was just made, to its end; its exit status. With --rm it is gone then.

    Its root is mounted and its lock ours. With `aside`, in any thread. Raises CommandNotFound (127), CannotExecute
    (126), RuntimeFailed (125).
    """
    ran = False
    streams = None
    try:
        preparing.check(container, config)
        with _Run(ctx, store, container, config) as this:
            # A terminal's keys must reach the process: the runtime makes it raw, and nothing else would see Ctrl-C.
            if config["process"].get("terminal"):  # type: ignore[attr-defined]
                status = this.with_terminal()
            elif aside is not None:
                status = this.aside(aside)
            else:
                streams = stdio.Streams(interactive=interactive, owner=_root(container))
                status = this.in_foreground(streams)
        ran = True
        ending.settle(ctx, store, container, status)
        if aside is not None:
            aside.ended(status)
    finally:
        if not ran:
            ending.end_process(container, ctx.env)
        if ran and not container.record["removedAtEnd"]:
            store.containers.keep(container)
        else:
            ending.remove(ctx, store, container)
        container.release()
    if streams is not None:
        streams.end()
    return status


def _root(container: Container) -> tuple[int, int] | None:
    if not container.record.get("users"):
        return None
    from ..runtime.userns import Maps

    maps = Maps.of_record(container.record)
    return maps.root if maps else None


class _Run:
    """A run, which for the `with` block holds what tells others of it: the kernel lock of `run.lock`."""

    __slots__ = ("_config", "_container", "_ctx", "_lock", "_log", "_pid_file", "_runtime", "_store")

    def __init__(self, ctx: Context, store: Store, container: Container, config: Document) -> None:
        directory = container.run_directory(ctx.run_root)
        self._ctx = ctx
        self._store = store
        self._container = container
        self._config = config
        self._runtime = ending.runtime_of(container, ctx.env)
        self._log = os.path.join(directory, "runtime.log")
        self._pid_file = os.path.join(directory, "pid")
        files.make_directories(directory, 0o700)
        files.make_directories(self._runtime.root, 0o700)

    def __enter__(self) -> _Run:
        self._lock = self._container.lock_file("run.lock")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def in_foreground(self, streams: stdio.Streams) -> int:
        """The process's exit status, as a shell shows it. It gets our signals."""

        def start() -> int:
            return self._begin(joined, streams.given, foreground.await_end, streams.begin)

        self._ctx.progress.close()  # stderr is the process's now
        try:
            with self._joined() as joined:
                code = foreground.run(start, self._pid, self._kill, apart=True)
        finally:
            streams.close()
        return 128 - code if code < 0 else code

    def aside(self, aside: Aside) -> int:
        with self._joined() as joined:
            streams = aside.stdin, aside.output, aside.output
            return process.wait(self._begin(joined, streams, process.wait, made=aside.made))

    def _joined(self) -> joining.Joined:
        return joining.Joined(self._ctx, self._store, self._container, first=starting.looks_for_network(self._config))

    def _begin(
        self,
        joined: joining.Joined,
        streams: tuple[int, int, int],
        await_end: Callable[[int], int],
        taken: Callable[[], None] = lambda: None,
        made: Callable[[int], None] = lambda _pid: None,
    ) -> int:
        """Lets the container's first process begin, as our child; its id. The network is put together while the runtime
        creates the container, whose end `await_end` waits for; `taken` is called when it has the streams, `made` when
        there is a container that can be ended, before its process begins."""
        container, runtime = self._container, self._runtime
        process.adopt_orphans()
        creating = runtime.create(container.id, container.path, self._log, self._pid_file, streams, self._lock)
        try:
            taken()
            joined.plug()
            self._runs(joined)
        finally:
            status = await_end(creating)
        if status:
            raise self._failed(status)
        pid = self._pid()
        joined.begun(pid)
        self._begin_health()
        made(pid)
        runtime.start(container.id, self._log, pid, hooks=bool(self._config.get("hooks")))
        ending.tell(self._ctx, self._store, container, "start")
        return pid

    def with_terminal(self) -> int:
        """The same with our terminal: the runtime is our child, and the two share it."""
        container, runtime = self._container, self._runtime

        def start() -> int:
            self._begin_health()
            pid = runtime.run(container.id, container.path, self._log, self._pid_file, self._lock)
            monitor = os.path.join(container.run_directory(self._ctx.run_root), "monitor")
            files.write_atomic(monitor, str(pid).encode(), durable=False)
            self._runs(joined)
            ending.tell(self._ctx, self._store, container, "start")
            return pid

        self._ctx.progress.close()
        with joining.Joined(self._ctx, self._store, container) as joined:
            code = foreground.run(start, self._pid, self._kill, terminal=True)
        if code < 0:  # the runtime was killed: its process may live on
            self._kill()
        status = 128 - code if code < 0 else code
        says_why = not runtime.tells_pid_late and oci.last_error(self._log)
        if status and (says_why or not os.path.exists(self._pid_file)):
            raise self._failed(status)
        return status

    def _begin_health(self) -> None:
        if self._container.record.get("health"):
            from . import health

            health.begin(self._ctx, self._container, self._config)

    def _runs(self, joined: joining.Joined) -> None:
        started = times.stamp(times.of_seconds(self._ctx.now()))
        self._container.update(status="running", started=started, **joined.published)

    def _pid(self) -> int:
        """The container's first process; 0 when there is none yet."""
        return process.read_pid(self._pid_file)

    def _kill(self) -> None:
        self._runtime.delete(self._container.id)

    def _failed(self, status: int) -> RuntimeFailed:
        problem = oci.last_error(self._log) or f"it ended with status {status}"
        return RuntimeFailed(
            self._container.name, f"{self._runtime.name} cannot start it: {problem}",
            "see the options, and the runtime's needs",
        )  # fmt: skip
