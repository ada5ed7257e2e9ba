"""Containers started: many, one after another, or one that we are attached to until its end."""

from __future__ import annotations

from ..errors import Conflict, NotFound, OcipipeError, UsageError
from ..host import process
from ..runtime import restart, state
from . import attached, ending, selecting, starting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


def start_each(
    ctx: Context, store: Store, items: Iterable[str | Document], if_waiting: str | None
) -> Iterator[Document | Exception]:
    """Starts each; its document, or what kept it from starting, which the journal has, too, when nobody reads this."""
    if if_waiting is not None:
        process.guard_inherited()  # the lock that says that somebody waits is not the monitor's
    for item in items:
        container = None
        try:
            container = selecting.find(store, item)
            starting.start(ctx, store, container, if_waiting=if_waiting)
            found = store.containers.load(container.id)
            yield state.document(found, state.observe(found, ctx.run_root, ctx.env))
        except Exception as error:
            if container is not None and if_waiting is not None:
                ending.tell(ctx, store, container, "restart", problem=str(error))
            yield error


def restore(ctx: Context, store: Store) -> Iterator[Document | Exception]:
    """After a reboot, records how it has ended the containers that ran, and starts those that their restart policy
    wants back: whose namespaces others share before those, and else the older first."""
    ending.sweep(ctx, store)
    loaded = []
    for container_id in store.containers.ids():
        try:
            loaded.append(store.containers.load(container_id))
        except NotFound:
            continue
        except OcipipeError as error:  # a damaged one keeps no other from coming back
            yield error
    found = {one.id: one for one in sorted(loaded, key=lambda one: str(one.record["created"]))}
    done: set[str] = set()

    def inner_first(container: Container) -> Iterator[Container]:
        if container.id not in done:
            done.add(container.id)
            joins: Document = container.record.get("joins") or {}  # type: ignore[assignment]
            for other in joins.values():
                if other in found:
                    yield from inner_first(found[str(other)])
            yield container

    for container in (one for outer in found.values() for one in inner_first(outer)):
        try:
            wanted = _settled(ctx, store, container)
        except OcipipeError as error:
            yield error
            continue
        if wanted:
            yield from start_each(ctx, store, [container.id], None)


def _settled(ctx: Context, store: Store, container: Container) -> bool:
    """Sees to it that the record of a container without a process says so; whether it is to be started."""
    if state.observe(container, ctx.run_root, ctx.env).status != "stopped":
        return False
    with store.containers.locked(container) as mine:
        observed = state.observe(mine, ctx.run_root, ctx.env)
        if observed.status != "stopped" or observed.monitor or mine.is_held("run.lock"):
            return False
        wanted = restart.comes_back(mine.record)
        ending.settle(ctx, store, mine, observed.exit_code)
        return wanted


def start_attached(ctx: Context, store: Store, item: str | Document, args: Any) -> int:
    """Starts one container, attached to it; its exit status. Raises Conflict when it runs already."""
    container = selecting.find(store, item)
    streams = _streams(ctx, container, args, stdin=args.interactive)
    if not starting.start(ctx, store, container, streams.begin):
        raise Conflict(container.name, "runs already", "ctr-attach to it")
    return streams.to_the_end(ctx, store, container)


def attach(ctx: Context, store: Store, container: Container, args: Any) -> int:
    """Attaches to a running container; its exit status. Raises Conflict when it does not run or has no monitor."""
    observed = state.observe(container, ctx.run_root, ctx.env)
    if observed.status != "running":
        raise Conflict(container.name, f"is {observed.status}", "only a running container can be attached to")
    if not container.monitored:
        raise Conflict(
            container.name, "has its streams from the command that runs it, and no monitor", "run it with -d"
        )
    streams = _streams(ctx, container, args, stdin=not args.no_stdin)
    streams.connect(container)
    return streams.to_the_end(ctx, store, container)


def _streams(ctx: Context, container: Container, args: Any, *, stdin: bool) -> attached.Streams:
    config: Any = container.config()
    terminal = bool(config["process"].get("terminal"))
    reads = bool(container.record.get("interactive"))
    if terminal and stdin and reads and not ctx.stdin.isatty():
        raise UsageError("stdin", "is no terminal, and the container has one", "run it from a terminal")
    return attached.Streams.of(args, stdin=stdin and reads, terminal=terminal and ctx.stdin.isatty() and stdin)
