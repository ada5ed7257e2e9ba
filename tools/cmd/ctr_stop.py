"""ctr-stop: containers asked to end."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-stop",
    "stop containers",
    description="Sends each container its stop signal, and SIGKILL when it has not ended in time; it is not started "
    "again by its restart policy. One that does not run is left as it is, which is no failure. Prints each container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option(
            "-t, --time",
            "seconds until SIGKILL; 0 for at once, -1 to wait without end (default: its own)",
            kind="integer",
        ),
    ),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-stop web", "stop one"),
        ("ctr-ps | jq -r 'select(.annotations.tier==\"test\").id' | ctr-stop", "stop those with a label"),
    ),
    see=(
        "ctr-start",
        "ctr-kill",
        "ctr-rm",
    ),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Stops one container."""
    from ..containers import selecting, stopping
    from ..runtime import state
    from ..store.store import Store

    store = Store(ctx.root)
    found = stopping.stop(ctx, store, selecting.find(store, item), args.time)
    return state.document(found, state.observe(found, ctx.run_root, ctx.env))
