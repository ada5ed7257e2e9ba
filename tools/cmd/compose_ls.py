"""compose-ls: the projects of which containers are there."""

from __future__ import annotations

from ..cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-ls",
    "list projects",
    description="Prints each project of which a container runs, with --all also those of which none does: its name, "
    "how many containers do what, and its files.",
    options=(Option("-a, --all", "also projects of which no container runs", kind="flag"),),
    writes="compose-project",
    examples=(("compose-up -d && compose-ls", "what there is"),),
    see=("compose-ps", "ctr-ps"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Lists them."""
    from ..compose import present
    from ..store.store import Store

    return present.projects(ctx, Store(ctx.root), everything=args.all)
