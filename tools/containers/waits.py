"""Waiting until a container has come to something: its end, its start, its health, its removal."""

from __future__ import annotations

import os

from ..errors import NotFound, OcipipeError, Unavailable
from ..host.watch import Watch
from ..runtime import state
from . import attached, ending, selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_LOOK_SECONDS = 1.0
"""What does not show itself in the watched directory, like a killed monitor, is seen after so long."""
_BEGIN_SECONDS = 0.02
"""Nor does the moment show itself in which the runtime lets a process begin."""


def each(
    ctx: Context, store: Store, items: Iterable[str | Document], condition: str, seconds: float | None
) -> Iterator[Document | Exception]:
    """Waits for one after another; its document, or what kept it from coming."""
    for item in items:
        try:
            yield wait(ctx, store, item, condition, seconds)
        except OcipipeError as error:
            yield error


def exit_status(ctx: Context, store: Store, item: str | Document, seconds: float | None) -> int:
    """Waits for the end of one container; its exit status. Raises as `wait`."""
    annotations: Document = wait(ctx, store, item, "exited", seconds)["annotations"]  # type: ignore[assignment]
    return int(str(annotations["org.ocipipe.exit-code"]))


def wait(ctx: Context, store: Store, item: str | Document, condition: str, seconds: float | None) -> Document:
    """Waits for one container; its document when it is so. `condition`: exited, running, healthy or removed.

    Raises Unavailable when it has not come to it after so many seconds or can never any more, StatusUnknown for an end
    that nobody knows the status of, NotFound.
    """
    deadline = None if seconds is None else ctx.now() + seconds
    try:
        container = selecting.find(store, item)
    except NotFound:
        return _gone(store, item, condition)
    if condition == "exited":
        return _exited(ctx, store, container, seconds)
    return _polled(ctx, store, container, condition, deadline)


def _exited(ctx: Context, store: Store, container: Container, seconds: float | None) -> Document:
    if container.record["status"] == "created":
        found = _polled_until_started(ctx, store, container, seconds)
        if found is None:
            raise _late(container, "ended")
    found = ending.await_end(ctx, store, container, seconds)
    if found is None:
        raise _late(container, "ended")
    attached.exit_status(found, container)
    return state.document(found, ending.last_known(found))


def _polled_until_started(ctx: Context, store: Store, container: Container, seconds: float | None) -> Container | None:
    """A container that was never started is waited for, as it may be in a moment; None when the time is over."""
    deadline = None if seconds is None else ctx.now() + seconds
    while deadline is None or ctx.now() < deadline:
        try:
            with Watch(container.path) as watch:
                found = store.containers.load(container.id)
                if found.record["status"] != "created":
                    return found
                watch.wait(_left(ctx, deadline))
        except NotFound:
            if not os.path.exists(container.path):
                return container
    return None


def _polled(ctx: Context, store: Store, container: Container, condition: str, deadline: float | None) -> Document:
    while True:
        try:
            with Watch(_place(ctx, container, condition)) as watch:
                container = store.containers.load(container.id)
                document = _reached(ctx, container, condition)
                if document is not None:
                    return document
                if deadline is not None and ctx.now() >= deadline:
                    raise _late(container, condition)
                about_to_begin = condition != "removed" and state.is_coming(container, ctx.run_root)
                watch.wait(_left(ctx, deadline, _BEGIN_SECONDS if about_to_begin else _LOOK_SECONDS))
        except NotFound:
            if os.path.exists(container.path):
                continue  # only what was watched is gone: it has ended
            if condition == "removed":
                found = ending.as_told(store, container)
                return state.document(found, ending.last_known(found))
            raise Unavailable(container.name, f"was removed before it was {condition}", "see ctr-events") from None


def _place(ctx: Context, container: Container, condition: str) -> str:
    """The directory in which it shows that the condition has come: where its health is, or its record."""
    directory = container.run_directory(ctx.run_root)
    return directory if condition == "healthy" and os.path.isdir(directory) else container.path


def _left(ctx: Context, deadline: float | None, look: float = _LOOK_SECONDS) -> float:
    """Seconds until it is time to look again."""
    return look if deadline is None else max(0.0, min(look, deadline - ctx.now()))


def _reached(ctx: Context, container: Container, condition: str) -> Document | None:
    """Its document when it is running or healthy, as was asked; None when it may come to it. Raises Unavailable."""
    has_monitor = container.is_held("run.lock")  # as long as it is there, it may still be restarted
    observed = state.observe(container, ctx.run_root, ctx.env)
    if condition == "healthy":
        if not container.record.get("health"):
            raise Unavailable(container.name, "has no health check", "make it with --health-cmd")
        if observed.status == "stopped" and not (has_monitor or observed.monitor):
            raise Unavailable(container.name, "has ended, and was not healthy", "see ctr-logs")
        if observed.health == "none":
            raise Unavailable(container.name, "nobody checks it: who did was killed", "ctr-restart it")
    if condition in (observed.status, observed.health):
        return state.document(container, observed)
    return None


def _gone(store: Store, item: str | Document, condition: str) -> Document:
    """The last of a container that is not there any more, if the journal still knows it. Raises NotFound."""
    text = item if isinstance(item, str) else str(item.get("id") or "")
    if condition in ("exited", "removed"):
        event = store.journal.last("container", "die", text)
        if event is not None:
            document: Document = event["object"]  # type: ignore[assignment]
            annotations: Document = document["annotations"]  # type: ignore[assignment]
            if "org.ocipipe.exit-code" in annotations:
                return document
            raise attached.StatusUnknown(text, "has ended, and nobody knows its exit status: its monitor was killed")
    raise NotFound(text, "no such container", "ctr-ps -a lists them")


def _late(container: Container, condition: str) -> Unavailable:
    return Unavailable(container.name, f"has not {condition} in time" if condition == "ended" else
                       f"is not {condition} in time", "wait longer with --timeout")  # fmt: skip
