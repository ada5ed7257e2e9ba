"""A container asked to stop, signalled, and removed."""

from __future__ import annotations

import os

from ..errors import Conflict, NotFound, OcipipeError, Unavailable
from ..runtime import oci, state
from . import ending, waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store
else:
    import _signal as signals  # what it is made of, without the enumerations that it builds at every start

STOP_TIMEOUT = 10
"""Seconds between the stop signal and SIGKILL where nothing else was said, as docker has it."""
_LOOK_SECONDS = 1
_KILL_SECONDS = 30
"""After SIGKILL only the kernel can still hold a process."""


def stop(ctx: Context, store: Store, container: Container, seconds: float | None = None) -> Container:
    """Stops a container: its stop signal, then SIGKILL after so many seconds (None: its own stop timeout; below 0:
    never). It is not restarted. The container as it is then; nothing happens to one that does not run.

    Raises NotFound, Unavailable when even SIGKILL does not end it.
    """
    observed = _no_restart(ctx, store, container)
    if not observed.runs:
        return _killed(ctx, store, container)  # it may have begun by now, or have been left half-way
    record = container.record
    if seconds is None:
        seconds = float(record.get("stopTimeout", STOP_TIMEOUT))  # type: ignore[arg-type]
    if seconds:
        send(ctx, container, str(record["stopSignal"]))
        if observed.status == "paused":
            ending.runtime_of(container, ctx.env).resume(container.id)
        found = ending.await_end(ctx, store, container, None if seconds < 0 else seconds)
        if found is not None:
            ending.tell(ctx, store, found, "stop")
            return found
    found = _killed(ctx, store, container)
    ending.tell(ctx, store, found, "stop")
    return found


def kill(ctx: Context, store: Store, container: Container, name: str) -> Container:
    """Sends a signal, by name or number, to a container's first process; the container, after its end by SIGKILL.

    SIGKILL and its own stop signal mean that it is to end: its policy does not restart it then. Raises Conflict when
    it has no process, Unavailable when not even SIGKILL ends it.
    """
    observed = state.observe(container, ctx.run_root, ctx.env)
    if not observed.runs:
        raise Conflict(container.name, "does not run", "ctr-start it first")
    ending.tell(ctx, store, container, "kill", signal=name)
    number = signal_number(name)
    if number in (signals.SIGKILL, signal_number(str(container.record["stopSignal"]))):
        _no_restart(ctx, store, container)
    if number == signals.SIGKILL:
        return _killed(ctx, store, container)
    send(ctx, container, name)
    return container


def send(ctx: Context, container: Container, name: str) -> None:
    """Sends a signal to a container's first process, if it still has one."""
    observed = state.observe(container, ctx.run_root, ctx.env)
    if not observed.pid:
        return
    try:
        fd = os.pidfd_open(observed.pid)
    except ProcessLookupError:
        return
    try:
        if container.is_held("run.lock") or observed.monitor == 0:  # so it is still that container's process
            signals.pidfd_send_signal(fd, signal_number(name))
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)


def remove(ctx: Context, store: Store, container: Container, *, force: bool, volumes: bool = False) -> Container:
    """Removes a container, one that runs only with `force`, by SIGKILL; the container as it was at its end.

    With `volumes`, those of its volumes that have no name go along.

    Raises Conflict, NotFound, Unavailable.
    """
    observed = state.observe(container, ctx.run_root, ctx.env)
    if (observed.runs or observed.status == "restarting") and not force:
        raise Conflict(container.name, f"is {observed.status}", "ctr-stop it first, or ctr-rm --force")
    _no_restart(ctx, store, container)
    ended = _killed(ctx, store, container)
    try:
        with store.containers.locked(container) as mine:
            ending.remove(ctx, store, mine, volumes=volumes)
            return mine
    except NotFound:  # removed at its end
        return ended


def _no_restart(ctx: Context, store: Store, container: Container) -> state.Observed:
    """From now on the container is not restarted, and nobody waits to do it."""
    observed = state.observe(container, ctx.run_root, ctx.env)
    if not container.monitored and observed.monitor:
        return observed  # its command holds the lock as long as it lives, and restarts nothing
    with store.containers.locked(container) as mine:
        if not mine.record.get("stoppedByUser"):
            mine.update(stoppedByUser=True)
        waiting.end(ctx, mine)
        return state.observe(mine, ctx.run_root, ctx.env)


def _killed(ctx: Context, store: Store, container: Container) -> Container:
    """The container after its end by SIGKILL; with the host's process ids, all its processes are told."""
    runtime = ending.runtime_of(container, ctx.env)
    deadline = ctx.now() + _KILL_SECONDS
    while ctx.now() < deadline:
        observed = state.observe(container, ctx.run_root, ctx.env)
        if observed.runs or container.is_held("run.lock"):
            try:
                runtime.kill(container.id, "KILL", all=True)
            except OcipipeError:
                if not observed.pid:  # created, and not begun: it waits for whom it was to be started by
                    runtime.delete(container.id)
            _thaw(runtime, container)
        found = ending.await_end(ctx, store, container, _LOOK_SECONDS)
        if found is not None:
            return found
    raise Unavailable(container.name, "does not end, not even by SIGKILL", "see its processes with ctr-top")


def _thaw(runtime: oci.Runtime, container: Container) -> None:
    if runtime.status(container.id) == "paused":
        runtime.resume(container.id)


def signal_number(name: str) -> int:
    """The number of a signal by its name or number, as signals.name gives it (SIGRTMIN+3 too)."""
    if name.isdecimal():
        return int(name)
    word, sign, distance = name.replace("-", "+").partition("+")
    base: int = getattr(signals, word)
    return base + (-int(distance) if "-" in name else int(distance)) if sign else base
