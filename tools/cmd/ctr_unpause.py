"""ctr-unpause: containers thawed."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-unpause",
    "let frozen containers go on",
    description="Thaws every process of each container that ctr-pause froze. Prints each container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    objects="container",
    reads="container",
    writes="container",
    examples=(("ctr-unpause web", "let one go on"),),
    see=("ctr-pause",),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:  # noqa: ARG001
    """Thaws one container."""
    from ..containers import pausing, selecting
    from ..store.store import Store

    store = Store(ctx.root)
    return pausing.unpause(ctx, store, selecting.find(store, item))
