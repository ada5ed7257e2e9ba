"""img-prune: images that nothing needs, out of the store."""

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
    "img-prune",
    "remove images that nothing names or uses",
    description="Removes images without a name that no container uses, and the blobs and unpacked layers that nothing "
    "needs without them. What is younger than ten minutes stays. This is the image part of store-prune; either applies "
    "plans of the other.",
    options=(
        *PRUNE,
        Option("-a, --all", "also images with a name, unless a container uses them", kind="flag"),
    ),
    reads="action",
    writes="action",
    examples=(
        ("img-prune", "remove images without a name"),
        ("img-prune --all --older-than 30d --filter 'label!=keep' --plan", "what of a month and more would go"),
    ),
    see=("store-prune", "img-rm", "img-ls"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Prunes images."""
    from ..cli import jsonio
    from ..store.store import Store
    from ..upkeep.prune import run
    from ..upkeep.selection import Selection

    selecting = [flag for flag in given(COMMAND, args) if flag != "--apply"]
    if args.apply is not None and selecting:
        raise UsageError(f"--apply {selecting[0]}", "what goes is in the plan", "choose when the plan is made")
    selection = Selection(
        images=args.all,
        leftovers=False,
        older_than=args.older_than,
        keep_bytes=args.keep_bytes,
        filters=args.filter,
    )
    items = None if args.apply is None else jsonio.named(args.apply, ctx.stdin, "plan")
    return run(ctx, Store(ctx.root), selection, planning=args.plan, applying=items)
