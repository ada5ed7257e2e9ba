"""compose-stats: what the containers of a project use."""

from __future__ import annotations

from ..cli.compose_options import SERVICES
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-stats",
    "show what the containers of a project use",
    description="Prints what each container that runs uses of processors, memory, block devices and network, every "
    "second until none of them runs.",
    operands=(SERVICES,),
    options=(*COMPOSE, Option("--no-stream", "look once", kind="flag")),
    writes="stats",
    streams=True,
    examples=(("compose-up -d && compose-stats --no-stream", "once"),),
    see=(
        "compose-top",
        "ctr-stats",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Shows what they use."""
    from ..compose import ground, selecting
    from ..containers import watching

    base = ground.asked(ctx, args)
    found = [one.id for one in selecting.running(base, args.service)]
    return (
        watching.stats(ctx, base.store, list(found), everything=False, stream=not args.no_stream) if found else iter(())
    )
