"""ctr-kill: a signal for containers."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-kill",
    "send a signal to containers",
    description="Sends a signal to the first process of each container. After SIGKILL or its own stop signal its "
    "restart policy does not start it again. Prints each container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(Option("-s, --signal", "signal by name or number (default: SIGKILL)", metavar="SIGNAL"),),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-kill web", "end it at once"),
        ("ctr-kill -s HUP web", "let it read its configuration again"),
    ),
    see=(
        "ctr-stop",
        "ctr-rm",
    ),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Signals one container."""
    from ..containers import selecting, stopping
    from ..errors import UsageError
    from ..host import signals
    from ..runtime import state
    from ..store.store import Store

    name = signals.name(args.signal or "SIGKILL")
    if name is None:
        raise UsageError(f"--signal {args.signal}", "is no signal", "like HUP, SIGTERM or 15")
    store = Store(ctx.root)
    container = selecting.find(store, item)
    found = stopping.kill(ctx, store, container, name)
    return state.document(found, state.observe(found, ctx.run_root, ctx.env))
