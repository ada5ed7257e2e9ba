"""ctr-stats: what containers use."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-stats",
    "show what containers use",
    description="Prints what each container uses of processors, memory, block devices and network, every second until "
    "none of them runs. Without containers, of all that run. The share of a processor is that of the last second.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("--no-stream", "look once", kind="flag"),
        Option("-a, --all", "also of those that do not run", kind="flag"),
    ),
    writes="stats",
    streams=True,
    examples=(
        ("ctr-stats --no-stream", "of all that run, once"),
        ("ctr-stats --no-stream web | jq .memory.usage", "bytes of memory that one has"),
    ),
    see=("ctr-top", "ctr-ps", "ctr-update"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Shows what containers use."""
    from ..containers import watching
    from ..errors import UsageError
    from ..store.store import Store

    if args.all and args.container:
        raise UsageError("--all", "does not go with containers by name", "leave one of them out")
    return watching.stats(ctx, Store(ctx.root), args.container, everything=args.all, stream=not args.no_stream)
