"""A container's process begins, under a monitor."""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Conflict, Corrupt, NotFound
from ..host import files
from ..runtime import logs, monitor, state
from . import direct, ending, joining, preparing, waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_CONFIG_LIMIT = 4 << 20


def start(
    ctx: Context,
    store: Store,
    container: Container,
    ready: Callable[[Container], None] | None = None,
    *,
    if_waiting: str | None = None,
) -> bool:
    """Starts a container; False when it runs already.

    `ready` is called when its streams can be attached to, and its process has not begun. With `if_waiting`, the time of
    its last end, it is started as its policy wants, unless something has happened to it since. Raises
    Conflict for a paused one, CommandNotFound (127), CannotExecute (126), RuntimeFailed (125), Corrupt, NotFound.
    """
    while True:
        with store.containers.locked(container) as mine:
            observed = state.observe(mine, ctx.run_root, ctx.env)
            if observed.status == "paused":
                raise Conflict(mine.name, "is paused", "ctr-unpause it")
            if observed.status == "running":
                return False
            if not mine.is_held("run.lock"):
                ending.settle(ctx, store, mine, observed.exit_code)
                if if_waiting is None:
                    waiting.end(ctx, mine)
                    mine.update(restartCount=0, restartDelay=0, stoppedByUser=False)
                elif mine.record.get("stoppedByUser") or mine.record.get("finished") != if_waiting:
                    return False
                begin(ctx, store, mine, read_config(mine), ready)
                return True
        ending.await_monitor(ctx, container)  # it has just ended, and that is being recorded


def begin(
    ctx: Context,
    store: Store,
    container: Container,
    config: Document,
    ready: Callable[[Container], None] | None = None,
) -> None:
    """Starts a container that has no process; its lock is ours. As `start` otherwise."""
    before = container.record
    runtime = ending.runtime_of(container, ctx.env)
    directory = container.run_directory(ctx.run_root)
    try:
        preparing.prepare(ctx, store, container)
        direct.check(container, config)
        if before["removedAtEnd"]:
            store.containers.give_up(container)
        terminal = bool(config["process"].get("terminal"))  # type: ignore[attr-defined]
        with joining.Joined(ctx, store, container) as joined:
            pid = monitor.create(
                container, runtime, ctx.run_root, _cleanup(ctx, container), ctx.env,
                terminal=terminal, log=logs.monitor_options(container),
            )  # fmt: skip
            joined.begun(pid)
        container.update(
            status="running", started=ctx.timestamp(), finished=None, exitCode=None, oomKilled=False, monitored=True,
            **joined.published,
        )  # fmt: skip
        if ready is not None:
            ready(container)
        runtime.start(container.id, os.path.join(directory, "runtime.log"))
    except BaseException:
        monitor.end(container, ctx.run_root)
        if container.record is not before:
            container.update(**before)
        if before["removedAtEnd"]:
            store.containers.keep(container)
        ending.take_apart(ctx, store, container)
        raise
    ending.tell(ctx, store, container, "start", pid=str(pid))


def read_config(container: Container) -> Document:
    """A container's config.json, which we wrote. Raises Corrupt."""
    try:
        place = os.path.join(container.path, "config.json")
        data = files.read_limited(place, _CONFIG_LIMIT, container.name, sealed=True)
        return jsondoc.load_object(data, container.name)
    except NotFound:
        raise Corrupt(container.name, "has no config.json: it was never made whole", "remove it with ctr-rm") from None
    except (Corrupt, jsondoc.FormatError) as error:
        raise Corrupt(str(error), "the container's config is damaged", "store-check says what can be done") from None


def _cleanup(ctx: Context, container: Container) -> list[str]:
    return [
        os.path.join(ctx.bin, "ctr-cleanup"), "--root", ctx.root, "--run-root", ctx.run_root, "--progress", "none",
        container.id,
    ]  # fmt: skip
