"""A container asked to stop, signalled, and removed."""

from __future__ import annotations

import os
import time

from ..errors import Conflict, NotFound, OcipipeError, Unavailable
from ..host import process
from ..runtime import first_process, oci, state
from . import delayed_start, ending, selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from collections.abc import Callable, Iterable, Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store
else:
    import _signal as signals  # what it is made of, without the enumerations that it builds at every start

STOP_TIMEOUT = 10
"""Seconds between the stop signal and SIGKILL where nothing else was said, as docker has it."""
_NEVER = float("inf")
_LOOK_SECONDS = 1
_POLL_SECONDS = 0.002
_KILL_SECONDS = 30
"""After SIGKILL only the kernel can still hold a process."""
BY_USER, WITH_MACHINE = "stoppedByUser", "stoppedByShutdown"
"""What the record says of why it was stopped."""


def stop(ctx: Context, store: Store, container: Container, seconds: float | None = None) -> Container:
    """Stops a container: its stop signal, then SIGKILL after so many seconds (None: its own stop timeout; below 0:
    never). It is not restarted. The container as it is then; nothing happens to one that does not run.

    Raises NotFound, Unavailable when even SIGKILL does not end it.
    """
    return _await(ctx, store, _ask(ctx, store, container, seconds, BY_USER))


def stop_each(
    ctx: Context, store: Store, items: Iterable[str | Document | Exception], seconds: float | None,
    why: str = BY_USER
) -> Iterator[Document | Exception]:
    """Stops containers side by side: each is asked as it comes, and then all are waited for together, who has the
    least time first. The document of each, or what went wrong with it."""
    asked: dict[str, _Asked] = {}
    again: list[_Asked] = []
    failure = None
    try:
        for item in items:
            try:
                if isinstance(item, Exception):
                    raise item
                container = selecting.find(store, item)
                if container.id in asked:
                    again.append(_Asked(container, _NEVER, None))
                else:
                    asked[container.id] = _ask(ctx, store, container, seconds, why)
            except Exception as error:
                yield error
    except Exception as error:  # what is asked is also waited for, whatever else was piped in
        failure = error
    for one in [*sorted(asked.values(), key=lambda one: one.deadline), *again]:
        try:
            found = _await(ctx, store, one)
            yield state.document(found, state.observe(found, ctx.run_root, ctx.env))
        except Exception as error:
            yield error
    if failure is not None:
        raise failure


def unstopped(ctx: Context, store: Store) -> Iterator[str]:
    """The ids of all containers that run, or are about to, and of those whose record is damaged: nobody knows."""
    for container_id in store.containers.ids():
        try:
            container = store.containers.load(container_id)
            observed = state.observe(container, ctx.run_root, ctx.env)
            if observed.status not in ("created", "stopped") or container.is_held("run.lock"):
                yield container_id
        except NotFound:
            continue
        except OcipipeError:
            yield container_id


class _Asked:
    """A container that was asked to end, and when its time is over, by the context's clock; `observed`: what it was
    doing, None where there was nothing to ask."""

    __slots__ = ("container", "deadline", "observed")

    def __init__(self, container: Container, deadline: float, observed: state.Observed | None) -> None:
        self.container = container
        self.deadline = deadline
        self.observed = observed


def _ask(ctx: Context, store: Store, container: Container, seconds: float | None, why: str) -> _Asked:
    observed = _no_restart(ctx, store, container, why)
    if not observed.runs:
        return _Asked(container, 0, None)
    record = container.record
    if seconds is None:
        seconds = float(record.get("stopTimeout", STOP_TIMEOUT))  # type: ignore[arg-type]
    if seconds:
        send(ctx, container, str(record["stopSignal"]))
        if observed.status == "paused":
            ending.runtime_of(container, ctx.env).resume(container.id)
    return _Asked(container, _NEVER if seconds < 0 else ctx.now() + seconds, observed)


def _await(ctx: Context, store: Store, asked: _Asked) -> Container:
    """The container after its end, by SIGKILL when its time is over."""
    container = asked.container
    if asked.observed is None:
        return _killed(ctx, store, container)  # it may have begun by now, or have been left half-way
    found = _ended(ctx, store, asked, asked.observed) or _killed(ctx, store, container)
    ending.tell(ctx, store, found, "stop")
    return found


def _ended(ctx: Context, store: Store, asked: _Asked, observed: state.Observed) -> Container | None:
    """The container when it has ended and that is recorded; None when its time is over before.

    It is recorded here as soon as the monitor has written down the exit status: its own call for that comes 30 ms
    later, and finds nothing to do. With --rm that call is waited for, as it takes the container away.
    """

    def left() -> float | None:
        return None if asked.deadline == _NEVER else max(asked.deadline - ctx.now(), 0)

    container = asked.container
    if container.monitored and observed.monitor and not container.record["removedAtEnd"]:
        if not process.await_end(observed.pid, left()):
            return None
        while state.exit_code(container) is None and process.is_alive(observed.monitor):
            if left() == 0:  # somebody holds its output
                return None
            time.sleep(_POLL_SECONDS)
        try:
            with store.containers.locked(container) as mine:
                seen = state.observe(mine, ctx.run_root, ctx.env)
                if not seen.runs and mine.record["status"] == "running" and seen.exit_code is not None:
                    ending.settle(ctx, store, mine, seen.exit_code)
                    return mine
        except NotFound:
            pass
    return ending.await_end(ctx, store, container, left())


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
            first_process.await_program(observed.pid)
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

    def refuse(found: Container, observed: state.Observed) -> None:
        if not force and (observed.runs or observed.status == "restarting"):
            raise Conflict(found.name, f"is {observed.status}", "ctr-stop it first, or ctr-rm --force")

    _no_restart(ctx, store, container, refuse=refuse)
    if not force and container.is_commands:  # it has begun to start it
        raise Conflict(container.name, "is being started", "ctr-stop it first, or ctr-rm --force")
    ended = _killed(ctx, store, container)
    try:
        with store.containers.locked(container) as mine:
            ending.remove(ctx, store, mine, volumes=volumes)
            return mine
    except NotFound:  # removed at its end
        return ended


def _no_restart(
    ctx: Context, store: Store, container: Container, why: str = BY_USER,
    refuse: Callable[[Container, state.Observed], None] = lambda _container, _observed: None,
) -> state.Observed:  # fmt: skip
    """From now on the container is not restarted, and nobody waits to do it; `why` is in its record. What it does
    before that is told to `refuse`, which may raise, once more when nobody else can change it."""
    observed = state.observe(container, ctx.run_root, ctx.env)
    refuse(container, observed)
    if container.is_commands:
        return observed
    with store.containers.locked(container) as mine:
        refuse(mine, state.observe(mine, ctx.run_root, ctx.env))
        if not mine.record.get(why):
            mine.update(**{why: True})
        delayed_start.end(ctx, mine)
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
