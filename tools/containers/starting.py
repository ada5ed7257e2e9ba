"""A container's process begins, under a monitor."""

from __future__ import annotations

import os

from ..errors import Conflict
from ..host import cgroups, files, times
from ..runtime import logs, monitor, state
from . import ending, joining, preparing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_LOOK_SECONDS = 0.1
_OF_INTERFACES = (".conf.", ".neigh.")


def start(
    ctx: Context,
    store: Store,
    container: Container,
    ready: Callable[[Container], None] | None = None,
    *,
    if_waiting: str | None = None,
) -> bool:
    """Starts a container, whose record is then as it is on the disk; False when it runs already.

    `ready` is called when its streams can be attached to, and its process has not begun. With `if_waiting`, the time of
    its last end, it is started as its policy wants, unless something has happened to it since. Raises Conflict for a
    paused one, CommandNotFound (127), CannotExecute (126), RuntimeFailed (125), Corrupt, NotFound, Unavailable.
    """
    from ..runtime import restart
    from . import delayed_start

    while True:
        with store.containers.locked(container) as mine:
            observed = state.observe(mine, ctx.run_root, ctx.env)
            if observed.status == "paused":
                raise Conflict(mine.name, "is paused", "ctr-unpause it")
            if observed.status == "running" and observed.pid:
                return False
            if state.waits_to_begin(mine, ctx.run_root):  # who was to start it was killed
                monitor.end(mine, ctx.run_root)
                ending.runtime_of(mine, ctx.env).delete(mine.id)
                mine.update(status="created", started=None)
            if not (observed.monitor or mine.is_held("run.lock")):
                ending.settle(ctx, store, mine, observed.exit_code)
                if if_waiting is None:
                    delayed_start.end(ctx, mine)
                    mine.update(restartCount=0, restartDelay=0, **restart.UNSTOPPED)
                elif mine.record.get("finished") != if_waiting or not restart.is_wanted(mine.record):
                    return False
                begin(ctx, store, mine, mine.config(), ready)
                container.record = mine.record
                return True
        ending.await_monitor(ctx, container, _LOOK_SECONDS)  # it has just ended, and that is being recorded


def begin(
    ctx: Context,
    store: Store,
    container: Container,
    config: Document,
    ready: Callable[[Container], None] | None = None,
    restored: Sequence[str] = (),
) -> None:
    """Starts a container that has no process; its lock is ours. As `start` otherwise. `restored`: from a checkpoint,
    its directory and the runtime's options."""
    before = container.record
    runtime = ending.runtime_of(container, ctx.env)
    directory = container.run_directory(ctx.run_root)
    if os.path.exists(os.path.join(runtime.root, container.id)):
        ending.take_apart(ctx, store, container)  # who began to was killed
    try:
        preparing.prepare(ctx, store, container)
        preparing.renew_names(container, config)
        preparing.check(container, config)
        if before["removedAtEnd"]:
            store.containers.give_up(container)
        terminal = bool(config["process"].get("terminal"))  # type: ignore[attr-defined]
        first = bool(restored or container.record.get("ports")) or looks_for_network(config)  # its monitor holds ports
        env = ctx.env
        if restored and runtime.name == "runc" and cgroups.version() == 2:
            env = {**env, monitor.CRIU_CONFIG: _criu_config(config, directory)}
        with joining.Joined(ctx, store, container, first=first) as joined:
            pid = monitor.create(
                container, runtime, ctx.run_root, _cleanup(ctx, container), env,
                lambda: _runs(ctx, container, joined),
                terminal=terminal, log=logs.begin(container), restored=restored, held=joined.held,
            )  # fmt: skip
            joined.begun(pid)
        logs.keep(container, ctx.run_root, ctx.env)
        if container.record.get("health"):
            from . import health

            health.begin(ctx, container, config)
        if ready is not None:
            ready(container)
        if not restored:
            log = os.path.join(directory, "runtime.log")
            runtime.start(container.id, log, pid, hooks=bool(config.get("hooks")))
    except BaseException:
        monitor.end(container, ctx.run_root)
        if container.record is not before:
            container.put(before)
        if before["removedAtEnd"]:
            store.containers.keep(container)
        ending.take_apart(ctx, store, container)
        raise
    ending.tell(ctx, store, container, "restore" if restored else "start", pid=str(pid))


def _criu_config(config: Document, directory: str) -> str:
    """A file, in the run-time directory, with the cgroup of a container that is taken up. criu would put the processes
    where they were, and when the checkpoint has travelled that is another's; runc tells it better in version 1 only."""
    linux: Any = config["linux"]
    place = os.path.join(directory, "criu.conf")
    files.make_directories(directory, 0o700)
    files.write_atomic(place, f"cgroup-root {cgroups.unified(linux['cgroupsPath'])}\n".encode(), 0o600, durable=False)
    return place


def looks_for_network(config: Document) -> bool:
    """Whether the network has to be there when the container is created: the runtime runs hooks, and writes what
    sysctls of interfaces say (net.ipv4.conf.eth0.forwarding)."""
    linux: Any = config["linux"]
    names = linux.get("sysctl") or ()
    return bool(config.get("hooks")) or any(kind in name for name in names for kind in _OF_INTERFACES)


def _runs(ctx: Context, container: Container, joined: joining.Joined) -> None:
    """Joins the network, and records that it runs, though its process is just coming: until that has begun, everybody
    sees that it waits."""
    joined.plug()
    if not container.record["removedAtEnd"]:
        container.settle()
    container.update(
        status="running", started=times.stamp(times.of_seconds(ctx.now())), finished=None, exitCode=None,
        oomKilled=False, monitored=True, **joined.published,
    )  # fmt: skip


def _cleanup(ctx: Context, container: Container) -> list[str]:
    return [
        os.path.join(ctx.bin, "ctr-cleanup"), "--root", ctx.root, "--run-root", ctx.run_root, "--progress", "none",
        container.id,
    ]  # fmt: skip
