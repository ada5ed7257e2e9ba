"""ctr-pause: containers frozen."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-pause",
    "freeze containers",
    description="Freezes every process of each container, until ctr-unpause. Prints each container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    objects="container",
    reads="container",
    writes="container",
    examples=(("ctr-pause web", "freeze one"),),
    see=(
        "ctr-unpause",
        "ctr-stop",
    ),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:  # noqa: ARG001
    """Freezes one container."""
    from ..containers import pausing, selecting
    from ..store.store import Store

    store = Store(ctx.root)
    return pausing.pause(ctx, store, selecting.find(store, item))
