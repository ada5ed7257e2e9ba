"""ctr-wait: until containers have come to something."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-wait",
    "wait until containers have ended, or run, or are well",
    description="Waits for each container, in the order they are named, and prints it: its exit status is the "
    "annotation org.ocipipe.exit-code. One that has been removed at its end is known from the journal. An exit status "
    "that nobody can know, because the monitor was killed, is told as a failure; it is never made up.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option(
            "--condition", "what to wait for", choices=("exited", "running", "healthy", "removed"), default="exited"
        ),
        Option("--exit-status", "of one container: end with its exit status", kind="flag"),
        Option("-t, --timeout", "wait so many seconds at most", kind="number"),
    ),
    reads="container",
    writes="container",
    exits={125: "with --exit-status: it could not be had", 128: "with --exit-status, plus n: ended by signal n"},
    examples=(
        ("ctr-create debian:bookworm true | ctr-start | ctr-wait --exit-status", "end with its exit status"),
        ("ctr-wait --condition healthy web", "until its health check succeeds"),
    ),
    see=("ctr-start", "ctr-stop", "ctr-ps"),
)


def run(ctx: Context, args: Args) -> int | Iterator[dict[str, object] | Exception]:
    """Waits for containers."""
    from ..cli import jsonio
    from ..containers import waits
    from ..errors import UsageError
    from ..store.store import Store

    store = Store(ctx.root)
    items = jsonio.objects(args.container, ctx.stdin, "container")
    if not args.exit_status:
        return waits.each(ctx, store, items, args.condition, args.timeout)
    if args.condition != "exited":
        raise UsageError("--exit-status", f"does not go with --condition {args.condition}", "leave one of them out")
    wanted = list(items)
    if len(wanted) != 1:
        raise UsageError("--exit-status", f"is for one container, not for {len(wanted)}", "wait for them one by one")
    return waits.exit_status(ctx, store, wanted[0], args.timeout)
