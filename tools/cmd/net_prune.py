"""net-prune: networks that nobody is on, out of the store."""

from __future__ import annotations

from ..cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-prune",
    "remove networks that no container uses",
    description="Removes every network but the default one that no container is on, or wants to be on when it is "
    "started.",
    options=(
        Option("--plan", "print what would go, and remove nothing", kind="flag"),
        Option(
            "--filter",
            "only networks that fit: name=PART, driver=NAME, label=KEY[=VALUE]",
            metavar="KEY=VALUE",
            many=True,
        ),
    ),
    writes="action",
    examples=(
        ("net-prune", "remove what nobody uses"),
        ("net-prune --plan --filter label=ci", "what of the networks with a label would go"),
    ),
    see=("net-rm", "net-ls"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Prunes networks."""
    from ..containers import networking
    from ..store.store import Store

    return networking.prune(ctx, Store(ctx.root), args.filter, planning=args.plan)
