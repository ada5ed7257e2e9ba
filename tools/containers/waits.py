"""Waiting until a container has come to something: its end, its start, its health, its removal."""

from __future__ import annotations

import time

from ..errors import NotFound, OcipipeError, Unavailable
from ..runtime import state
from . import attached, ending, selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_POLL_SECONDS = 0.02


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
            found = store.containers.load(container.id)
        except NotFound:
            return container
        if found.record["status"] != "created":
            return found
        time.sleep(_POLL_SECONDS)
    return None


def _polled(ctx: Context, store: Store, container: Container, condition: str, deadline: float | None) -> Document:
    while True:
        try:
            container = store.containers.load(container.id)
        except NotFound:
            if condition == "removed":
                found = ending.as_told(store, container)
                return state.document(found, ending.last_known(found))
            raise Unavailable(container.name, f"was removed before it was {condition}", "see ctr-events") from None
        observed = state.observe(container, ctx.run_root, ctx.env)
        document = state.document(container, observed)
        if condition == "running" and observed.status == "running":
            return document
        if condition == "healthy":
            annotations: Document = document["annotations"]  # type: ignore[assignment]
            if annotations.get("org.ocipipe.health") == "healthy":
                return document
            if "org.ocipipe.health" not in annotations:
                raise Unavailable(container.name, "has no health check", "make it with --health-cmd")
            if observed.status == "stopped":
                raise Unavailable(container.name, "has ended, and was not healthy", "see ctr-logs")
        if deadline is not None and ctx.now() >= deadline:
            raise _late(container, condition)
        time.sleep(_POLL_SECONDS)


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
