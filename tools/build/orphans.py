"""Containers of builds that were killed: the next build ends and removes them.

Whoever builds holds the lock of its container for as long as it lives.
"""

from __future__ import annotations

from ..errors import OcipipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

LABEL = "org.ocipipe.build"
"""What a container of a build is told by."""


def sweep(ctx: Context, store: Store) -> None:
    """Ends and removes the containers of builds that were killed."""
    store.containers.remove_unfinished()
    if not store.containers.marked():
        return
    from ..containers import ending

    for container in orphans(store):
        ending.runtime_of(container, ctx.env).delete(container.id)
        ending.await_monitor(ctx, container, 10)
    ending.sweep(ctx, store)


def orphans(store: Store) -> list[Container]:
    """Containers of builds that are gone."""
    from ..host import locks

    found = []
    for container_id in store.containers.marked():
        try:
            container = store.containers.load(container_id)
        except OcipipeError:
            continue
        labels: Any = container.record.get("labels") or {}
        if LABEL in labels and not locks.is_held(container.path):
            found.append(container)
    return found
