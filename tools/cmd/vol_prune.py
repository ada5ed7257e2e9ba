"""vol-prune: volumes that no container uses, out of the store."""

from __future__ import annotations

from ..cli.declare import Command, Option
from ..cli.options import PRUNE, given
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-prune",
    "remove volumes that no container uses",
    description="Removes volumes without a name that no container uses, whether that runs or not, with all that is in "
    "them; those with a name only when --all says so. What is younger than ten minutes stays. This is the volume part "
    "of store-prune; either applies plans of the other.",
    options=(
        *(option for option in PRUNE if option.dest != "keep_bytes"),
        Option("-a, --all", "also volumes with a name", kind="flag"),
    ),
    reads="action",
    writes="action",
    examples=(
        ("vol-prune", "remove what containers have left"),
        ("vol-prune --all --filter 'label!=keep' --older-than 30d --plan", "what of a month and more would go"),
    ),
    see=("store-prune", "vol-rm", "vol-ls"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Prunes volumes."""
    from ..cli import jsonio
    from ..store.store import Store
    from ..upkeep.prune import run
    from ..upkeep.selection import Selection

    selecting = [flag for flag in given(COMMAND, args) if flag != "--apply"]
    if args.apply is not None and selecting:
        raise UsageError(f"--apply {selecting[0]}", "what goes is in the plan", "choose when the plan is made")
    selection = Selection(
        volumes="all" if args.all else "anonymous",
        content=False,
        leftovers=False,
        older_than=args.older_than,
        filters=args.filter,
    )
    items = None if args.apply is None else jsonio.named(args.apply, ctx.stdin, "plan")
    return run(ctx, Store(ctx.root), selection, planning=args.plan, applying=items)
