"""compose-top: the processes of a project."""

from __future__ import annotations

from ..cli.compose_options import SERVICES
from ..cli.declare import Command
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-top",
    "show the processes of a project",
    description="Prints each process of each container that runs, with its number on the host and in the container.",
    operands=(SERVICES,),
    options=(*COMPOSE,),
    writes="process",
    examples=(("compose-up -d && compose-top web", "what runs in one service"),),
    see=(
        "compose-ps",
        "compose-stats",
        "ctr-top",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Shows the processes."""
    from ..compose import ground, selecting
    from ..containers import watching

    base = ground.asked(ctx, args)
    for one in selecting.running(base, args.service):
        yield from watching.top(ctx, base.store, one.id)
