"""ctr-prune: containers that have ended, out of the store."""

from __future__ import annotations

from ..cli.declare import Command
from ..cli.options import PRUNE, given
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-prune",
    "remove containers that have ended",
    description="Removes the containers that do not run, with all that they have written. One that was made and never "
    "started stays for ten minutes. This is the container part of store-prune; either applies plans of the other.",
    options=tuple(option for option in PRUNE if option.long != "--keep-bytes"),
    reads="action",
    writes="action",
    examples=(
        ("ctr-prune", "remove all that have ended"),
        ("ctr-prune --older-than 1d --filter label=ci --plan", "what of a day and more would go"),
    ),
    see=("store-prune", "ctr-rm", "ctr-ps"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Prunes containers."""
    from ..cli import jsonio
    from ..store.store import Store
    from ..upkeep.prune import run
    from ..upkeep.selection import Selection

    selecting = [flag for flag in given(COMMAND, args) if flag != "--apply"]
    if args.apply is not None and selecting:
        raise UsageError(f"--apply {selecting[0]}", "what goes is in the plan", "choose when the plan is made")
    selection = Selection(
        containers=True, content=False, leftovers=False, older_than=args.older_than or "0s", filters=args.filter
    )
    items = None if args.apply is None else jsonio.named(args.apply, ctx.stdin, "plan")
    return run(ctx, Store(ctx.root), selection, planning=args.plan, applying=items)
