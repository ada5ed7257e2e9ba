"""ctr-stop: containers asked to end."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-stop",
    "stop containers",
    description="Sends each container its stop signal, and SIGKILL when it has not ended in time; its restart policy "
    "does not start it again. All containers get the signal first, and are then waited for together. One that does not "
    "run is left as it is, which is no failure. Prints each container.\n\n"
    "--all --restore is for the shutdown of the machine: containers end as they would with it, and ctr-start --all "
    "--restore starts those again that their restart policy wants back after a reboot.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option(
            "-t, --time",
            "seconds until SIGKILL; 0 for at once, -1 to wait without end (default: the container's --stop-timeout)",
            kind="integer",
        ),
        Option("--all", "every container that runs", kind="flag"),
        Option("--restore", "with --all: ctr-start --all --restore starts them again, as after a reboot", kind="flag"),
    ),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-stop web", "stop one"),
        ("ctr-stop --all --restore && ctr-start --all --restore", "what the units do before and after a reboot"),
        ("ctr-ps | jq -r 'select(.annotations.tier==\"test\").id' | ctr-stop", "stop those with a label"),
    ),
    see=(
        "ctr-start",
        "ctr-kill",
        "ctr-rm",
    ),
)


def together(
    ctx: Context, args: Args, items: Iterable[str | dict[str, object] | Exception]
) -> Iterator[dict[str, object] | Exception]:
    """Stops containers."""
    from ..containers import stopping
    from ..errors import UsageError
    from ..store.store import Store

    store = Store(ctx.root)
    if not args.all and not args.restore:
        return stopping.stop_each(ctx, store, items, args.time)
    if not args.all:
        raise UsageError("--restore", "goes with --all only", "add --all")
    if args.container:
        raise UsageError("--all", "names no container", "name containers, or give --all")
    why = stopping.WITH_MACHINE if args.restore else stopping.BY_USER
    return stopping.stop_each(ctx, store, stopping.unstopped(ctx, store), args.time, why)
