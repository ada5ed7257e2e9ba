"""ctr-start: containers that were made or have ended, started."""

from __future__ import annotations

from ..cli.container_options import ATTACHED
from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-start",
    "start containers",
    description="Starts each container that does not run, and prints it; one that runs already is left as it is. With "
    "--attach, one container's output and signals are ours, and its exit status is the command's.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("-a, --attach", "be attached to its output, and end with its exit status", kind="flag"),
        Option("-i, --interactive", "with --attach: it reads our stdin, if it was made to read any", kind="flag"),
        *ATTACHED,
        Option("--all", "every container; with --restore", kind="flag"),
        Option("--restore", "with --all: those that their restart policy wants back after a reboot", kind="flag"),
        Option("--if-waiting", "for monitors: unless something has happened since it ended then", metavar="TIME"),
    ),
    reads="container",
    writes="container",
    exits={
        125: "with --attach: the container could not be started",
        126: "with --attach: its command is there but cannot be executed",
        127: "with --attach: its command is not found",
        128: "with --attach, plus n: its process was ended by signal n",
    },
    examples=(
        ("ctr-create --name web debian:bookworm sleep 60 | ctr-start", "make it, then start it"),
        ("ctr-start web", "start it again"),
    ),
    see=("ctr-create", "ctr-run", "ctr-stop", "ctr-attach"),
)


def run(ctx: Context, args: Args) -> int | Iterator[dict[str, object] | Exception]:
    """Starts containers."""
    from ..cli import jsonio
    from ..containers import launching
    from ..errors import UsageError
    from ..store.store import Store

    store = Store(ctx.root)
    if args.all or args.restore:
        if not (args.all and args.restore) or args.container:
            raise UsageError("--all --restore", "go together, and name no container", "or name containers, and neither")
        return launching.restore(ctx, store)
    items = jsonio.objects(args.container, ctx.stdin, "container")
    if not args.attach:
        if args.interactive or args.detach_keys is not None:
            raise UsageError("--interactive", "goes with --attach only", "add --attach")
        return launching.start_each(ctx, store, items, args.if_waiting)
    wanted = list(items)
    if len(wanted) != 1:
        raise UsageError("--attach", f"is for one container, not for {len(wanted)}", "start them without it")
    return launching.start_attached(ctx, store, wanted[0], args)
