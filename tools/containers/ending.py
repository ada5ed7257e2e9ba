"""A container's end: its exit status recorded, then what it used taken apart, then, with --rm, itself removed.

Whoever finds that a container has ended settles it, under its lock: the monitor's call (`ctr-cleanup`) as a rule, any
other command after a crash. Each step may have been done before; the exit status is on the disk before anything goes
but its interfaces, of which the kernel has taken the inner ends with the process.
"""

from __future__ import annotations

import os
import time

from ..errors import Corrupt, NotFound
from ..host import cgroups, process, times, trees
from ..runtime import background, memory, oci, root, state
from . import joining

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..runtime.oci import Runtime
    from ..store.container import Container
    from ..store.store import Store

_POLL_SECONDS = 0.005


def settle(ctx: Context, store: Store, container: Container, code: int | None) -> None:
    """Records a container's end with this exit status (None: nobody knows it), and takes apart what it used.

    Its lock is ours, and it has no process any more. The container itself stays.
    """
    if container.record["status"] != "running":
        return
    with joining.Leaving(ctx, container):  # first of all: the kernel has begun to take its interfaces away
        finished = times.stamp(times.of_seconds(ctx.now()))
        changes: Document = {"status": "stopped", "exitCode": code, "finished": finished}
        changes |= memory.at_end(container, ctx.run_root, code)
        detail = {} if code is None else {"exitCode": str(code)}
        # The journal first: who is killed between leaves a container that is settled once more, never an end untold.
        ended = store.containers.container({**container.record, **changes})
        tell(ctx, store, ended, "die", durable=True, **detail)
        container.update(**changes)
        _take_apart(ctx, store, container)


def take_apart(ctx: Context, store: Store, container: Container) -> None:
    """Takes away what a container without a process has of the host: who checks it, the runtime's state with its
    cgroup, its networks, the mounts of its root and its volumes, its run-time directory."""
    with joining.Leaving(ctx, container):
        _take_apart(ctx, store, container)


def _take_apart(ctx: Context, store: Store, container: Container) -> None:
    background.end(container, ctx.run_root, background.HEALTH)
    end_process(container, ctx.env)
    runtime = runtime_of(container, ctx.env)
    directory = container.run_directory(ctx.run_root)
    if os.path.exists(directory) and not os.path.exists(os.path.join(directory, "pid")):
        _take_away_half_made(container, runtime)
    unmount(store, container)
    if container.monitored:
        from ..runtime import logs

        logs.end(container, ctx.run_root)
    trees.remove_tree(directory)


def end_process(container: Container, env: Mapping[str, str]) -> None:
    """Ends a container, with all its processes, where its runtime knows of it; it knows of none then."""
    runtime = runtime_of(container, env)
    if os.path.exists(os.path.join(runtime.root, container.id)):
        runtime.delete(container.id)


def _take_away_half_made(container: Container, runtime: Runtime) -> None:
    """What a runtime that was killed while it created the container has left: it does not know of it itself."""
    trees.remove_tree(os.path.join(runtime.root, container.id))
    try:
        linux: Document = container.config().get("linux") or {}  # type: ignore[assignment]
    except Corrupt:
        return
    group = str(linux.get("cgroupsPath") or "")
    if group.startswith("/") and container.id in group:  # systemd's own go by themselves, and others' are theirs
        cgroups.remove(group)


def unmount(store: Store, container: Container) -> None:
    """Unmounts the root of a container without a process, and lets its volumes go."""
    root.unmount(container)
    if container.record.get("volumes"):
        from . import volumes

        volumes.let_go(store, container)


def await_monitor(ctx: Context, container: Container, seconds: float | None = None) -> bool:
    """Waits until neither a monitor nor, where that was killed, a process of the container is left, for so long at
    most; whether that has come."""
    deadline = None if seconds is None else ctx.now() + seconds
    while True:
        observed = state.observe(container, ctx.run_root, ctx.env)
        pid = observed.monitor or observed.pid
        if not pid and not container.is_held("run.lock"):
            return True
        left = None if deadline is None else deadline - ctx.now()
        if left is not None and left <= 0:
            return False
        if pid and process.is_alive(pid):
            process.await_end(pid, left)
        else:
            time.sleep(_POLL_SECONDS)  # its monitor is just beginning, or is nobody's child and not yet taken away


def await_end(ctx: Context, store: Store, container: Container, seconds: float | None = None) -> Container | None:
    """Waits until a container has ended and that is recorded, for so long at most; None when it has not by then.

    The container comes with its last record: of one that was removed at its end, as the journal tells it.
    """
    if not await_monitor(ctx, container, seconds):
        return None
    try:
        with store.containers.locked(container) as mine:
            if mine.record["status"] == "running":
                settle(ctx, store, mine, state.observe(mine, ctx.run_root, ctx.env).exit_code)
            return mine
    except NotFound:
        return as_told(store, container)


def as_told(store: Store, container: Container) -> Container:
    """A container that is gone, as it was at its end."""
    event = store.journal.last("container", "die", container.id)
    detail: dict[str, str] = event.get("detail") or {} if event else {}  # type: ignore[assignment]
    code = int(detail["exitCode"]) if "exitCode" in detail else None
    found = store.containers.container({**container.record, "status": "stopped", "exitCode": code})
    if event:
        found.record["finished"] = event["time"]
    return found


def remove(ctx: Context, store: Store, container: Container, *, volumes: bool = False) -> None:
    """Removes a container that has no process; its lock is ours. Its volumes without a name go along when `volumes`
    says so, and when it was to be removed at its end."""
    take_apart(ctx, store, container)
    if volumes or container.record["removedAtEnd"] or store.containers.is_given_up(container):
        forget(store, container)
    else:
        store.containers.remove(container)
    tell(ctx, store, container, "remove")


def forget(store: Store, container: Container) -> None:
    """Takes a container without a process out of the store, with its volumes that have no name: these first, and from
    then on it goes, whoever is killed meanwhile."""
    unmount(store, container)
    if container.record.get("volumes"):
        from . import volumes

        store.containers.give_up(container, durable=True)
        volumes.discard(store, container)
    store.containers.remove(container)


def sweep(ctx: Context, store: Store) -> None:
    """Removes what killed commands left: containers they were to remove, once their processes have ended, and
    containers that never appeared."""
    containers = store.containers
    containers.remove_unfinished()
    for container in containers.abandoned():
        remove_ended(ctx, store, container)


def tell(
    ctx: Context, store: Store, container: Container, action: str, *, durable: bool = False, **detail: str
) -> None:
    """Writes to the journal that something happened to a container; the document is as it was then."""
    document = state.document(container, last_known(container))
    store.journal.add(ctx.now(), "container", action, document, durable=durable, **detail)


def last_known(container: Container) -> state.Observed:
    """What its record says of a container that nobody can look at any more."""
    code = container.record["exitCode"]
    return state.Observed(str(container.record["status"]), exit_code=code if isinstance(code, int) else None)


def has_process(container: Container, env: Mapping[str, str]) -> bool:
    """Whether its runtime still has a process of the container that has begun. Who was to let one begin and has not, as
    the container's lock is free, never will."""
    return runtime_of(container, env).status(container.id) in ("running", "paused")


def remove_ended(ctx: Context, store: Store, container: Container) -> bool:
    """Removes a container whose lock is ours, unless a process of it is left; whether it is gone."""
    if has_process(container, ctx.env):
        return False
    settle(ctx, store, container, state.observe(container, ctx.run_root, ctx.env).exit_code)
    remove(ctx, store, container)
    return True


def runtime_of(container: Container, env: Mapping[str, str]) -> Runtime:
    """The runtime that runs this container, whatever the default is by now."""
    return oci.of(str(container.record["runtime"]), str(container.record["runtimeRoot"]), env)
