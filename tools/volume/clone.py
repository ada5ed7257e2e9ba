"""A volume's files as another volume."""

from __future__ import annotations

from .copy import copy_tree
from .create import Settings, record
from .mount import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..store.store import Store
    from ..store.volumes import Volume


def clone(ctx: Context, store: Store, source: str, name: str, labels: dict[str, str]) -> Volume:
    """A new plain volume `name` ('' for an anonymous one) with the files and labels of `source`, and more labels.

    Raises NotFound, Corrupt, Unavailable, UsageError for what is no name, Conflict for one in use.
    """
    with reading(store, source, ctx.env) as volume:
        wanted = record(ctx, name, Settings("", {}, {**volume.labels, **labels}))
        with store.volumes.making(wanted) as made:
            copy_tree(volume.data, made.data, source, ctx.env, made.lock)
    return store.volumes.volume(wanted)
