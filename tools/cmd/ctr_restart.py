"""ctr-restart: containers stopped and started."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-restart",
    "stop containers and start them again",
    description="Stops each container as ctr-stop does, if it runs, and starts it. Prints each container.",
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
    examples=(("ctr-restart web", "stop and start one"),),
    see=(
        "ctr-start",
        "ctr-stop",
    ),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Restarts one container."""
    from ..containers import ending, selecting, starting, stopping
    from ..runtime import state
    from ..store.store import Store

    store = Store(ctx.root)
    container = selecting.find(store, item)
    stopping.stop(ctx, store, container, args.time)
    starting.start(ctx, store, container)
    found = store.containers.load(container.id)
    ending.tell(ctx, store, found, "restart")
    return state.document(found, state.observe(found, ctx.run_root, ctx.env))
