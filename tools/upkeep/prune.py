"""A prune: a plan made, or carried out, or both at once."""

from __future__ import annotations

from ..errors import OcipipeError
from .apply import apply, checked
from .plan import plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store
    from .selection import Selection


def run(
    ctx: Context,
    store: Store,
    selection: Selection,
    *,
    planning: bool = False,
    applying: Iterable[Document | str] | None = None,
) -> Iterator[Document | OcipipeError]:
    """The actions planned, those of a plan carried out, or both at once; errors among them, and the rest goes on.

    A plan that is applied is read to its end before anything is done. Raises what plan.plan and apply.checked raise.
    """
    if applying is not None:
        yield from apply(ctx, store, checked(store, applying))
        return
    actions: list[dict[str, Any]] = []
    for planned in plan(ctx, store, selection):
        if planning or isinstance(planned, OcipipeError):
            yield planned
        else:
            actions.append(dict(planned))
    yield from apply(ctx, store, actions)
