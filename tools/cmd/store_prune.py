"""store-prune: what nothing needs, out of the store."""

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
    "store-prune",
    "remove from the store what nothing names or uses",
    description="Removes images without a name that no container uses, blobs and unpacked layers that no image, "
    "container or running command needs, and what killed commands left: dead leases, broken downloads of yesterday and "
    "before, unfinished files, containers that were to be removed at their end. What is younger than ten minutes stays."
    " Prints an action for each object: delete, or skip with the reason when it came into use meanwhile.\n\n"
    "With --plan the actions are printed and nothing is removed; --apply reads such a plan, perhaps with lines taken "
    "out, and removes just what it lists and what has not changed since.",
    options=(
        *PRUNE,
        Option("--images", "also images with a name, unless a container uses them", kind="flag"),
        Option("--containers", "also containers that have ended", kind="flag"),
        Option("--volumes", "also volumes without a name that no container uses", kind="flag"),
        Option("--build-cache", "also what builds keep: the layers of their steps, and cache mounts", kind="flag"),
        Option("--partial", "also broken downloads that could still be gone on with", kind="flag"),
    ),
    reads="action",
    writes="action",
    examples=(
        ("store-prune --plan", "what would go"),
        ("store-prune --plan | jq -s 'map(.bytes) | add'", "how much it would free"),
        ("store-prune --plan --images --older-than 7d | store-prune --apply -", "plan, look at it or not, do it"),
        ("store-prune", "remove what nothing names or uses"),
    ),
    see=("store-check", "img-prune", "vol-prune"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Prunes the store."""
    from ..cli import jsonio
    from ..store.store import Store
    from ..upkeep.prune import run
    from ..upkeep.selection import Selection

    selecting = [flag for flag in given(COMMAND, args) if flag != "--apply"]
    if args.apply is not None and selecting:
        raise UsageError(f"--apply {selecting[0]}", "what goes is in the plan", "choose when the plan is made")
    selection = Selection(
        images=args.images,
        containers=args.containers,
        volumes="anonymous" if args.volumes else "",
        build_cache=args.build_cache,
        partial=args.partial,
        older_than=args.older_than,
        keep_bytes=args.keep_bytes,
        filters=args.filter,
    )
    items = None if args.apply is None else jsonio.named(args.apply, ctx.stdin, "plan")
    return run(ctx, Store(ctx.root), selection, planning=args.plan, applying=items)
