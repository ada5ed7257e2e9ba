"""compose-events: what happens to the containers of a project, as it happens."""

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
    "compose-events",
    "show what happens to the containers of a project",
    description="Prints a document for each event of the project's containers, from now on and until it is "
    "interrupted; with --since or --no-follow what has happened before comes first. A MOMENT is as "
    "ctr-events has it.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        Option("--since", "begin with the events of this moment", metavar="MOMENT"),
        Option("--until", "end with the events of this moment", metavar="MOMENT"),
        Option("--no-follow", "print what has happened until now, and end", kind="flag"),
    ),
    writes="event",
    streams=True,
    examples=(("compose-up -d && compose-events --no-follow | jq -r .action", "what has happened by now"),),
    see=(
        "compose-logs",
        "ctr-events",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Yields the events."""
    from ..compose import ground, labels
    from ..store import event_filter

    base = ground.asked(ctx, args)
    for name in args.service:
        base.project.service(name)
    wanted = event_filter.EventFilter([f"label={labels.PROJECT}={base.project.name}"])
    for event in event_filter.events(base.store.journal, args, ctx.now()):
        if wanted.fits(event) and (not args.service or labels.service_of(event) in args.service):
            yield event
