"""Containers frozen and thawed, by the runtime."""

from __future__ import annotations

from ..errors import Conflict
from ..runtime import state
from . import ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store


def pause(ctx: Context, store: Store, container: Container) -> Document:
    """Freezes a container; its document. Raises Conflict when it does not run or is frozen, RuntimeFailed."""
    status = state.observe(container, ctx.run_root, ctx.env).status
    if status != "running":
        raise Conflict(container.name, f"is {status}", "only a running container can be paused")
    ending.runtime_of(container, ctx.env).pause(container.id)
    observed = state.observe(container, ctx.run_root, ctx.env)
    if observed.status != "paused":
        raise Conflict(container.name, f"is {observed.status}", "it has ended, or was thawed, at this moment")
    ending.tell(ctx, store, container, "pause")
    return state.document(container, observed)


def unpause(ctx: Context, store: Store, container: Container) -> Document:
    """Thaws a container; its document. Raises Conflict when it is not frozen, RuntimeFailed."""
    status = state.observe(container, ctx.run_root, ctx.env).status
    if status != "paused":
        raise Conflict(container.name, f"is {status}", "only a paused container can be unpaused")
    ending.runtime_of(container, ctx.env).resume(container.id)
    ending.tell(ctx, store, container, "unpause")
    return state.document(container, state.observe(container, ctx.run_root, ctx.env))
