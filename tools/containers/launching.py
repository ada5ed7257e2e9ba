"""Containers started: many, one after another, or one that we are attached to until its end."""

from __future__ import annotations

from ..errors import Conflict, UsageError
from ..host import process
from ..runtime import state
from . import attached, selecting, starting

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
    """Starts each; its document, or what kept it from starting."""
    if if_waiting is not None:
        process.close_inherited()  # the lock that says that somebody waits
    for item in items:
        try:
            container = selecting.find(store, item)
            starting.start(ctx, store, container, if_waiting=if_waiting)
            found = store.containers.load(container.id)
            yield state.document(found, state.observe(found, ctx.run_root, ctx.env))
        except Exception as error:
            yield error


def restore(ctx: Context, store: Store) -> Iterator[Document | Exception]:
    """Starts, after a reboot, the containers that their restart policy wants back: with `always` all, with
    `unless-stopped` those that nobody had stopped, with `on-failure` those that the reboot ended."""
    for container in store.containers.all():
        policy: Document = container.record.get("restartPolicy") or {"name": "no"}  # type: ignore[assignment]
        observed = state.observe(container, ctx.run_root, ctx.env)
        if observed.runs or observed.status in ("created", "restarting"):
            continue
        cut_off = container.record["status"] == "running"
        wanted = policy["name"] == "always" or (
            not container.record.get("stoppedByUser")
            and (policy["name"] == "unless-stopped" or (policy["name"] == "on-failure" and cut_off))
        )
        if wanted:
            yield from start_each(ctx, store, [container.id], None)


def start_attached(ctx: Context, store: Store, item: str | Document, args: Any) -> int:
    """Starts one container, attached to it; its exit status. Raises Conflict when it runs already."""
    container = selecting.find(store, item)
    streams = _streams(ctx, container, args, stdin=args.interactive)
    if not starting.start(ctx, store, container, streams.connect):
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
