"""compose-logs: what the containers of a project have said."""

from __future__ import annotations

from ..cli.compose_options import LINES, SERVICES
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-logs",
    "show what the containers of a project have said",
    description="On a terminal each line stands behind its container's name, in a colour of its own; in a pipe a "
    "document stands for each. With --follow it goes on with what comes, also from what a restart policy starts again, "
    "and ends when all containers have ended. A MOMENT is as ctr-logs has it.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        Option("--follow", "go on with what comes, until all containers have ended", kind="flag"),
        Option("--since", "begin with what they said at this moment", metavar="MOMENT"),
        Option("--until", "end with what they said at this moment", metavar="MOMENT"),
        Option("-n, --tail", "only so many last lines of each, or all", metavar="N", default="all"),
        *LINES,
    ),
    writes="log-entry",
    examples=(
        ("compose-up -d && compose-logs | jq -r .line", "what all have said"),
        ("compose-up -d && compose-logs --format table --tail 5", "as lines behind names"),
    ),
    see=("compose-up", "ctr-logs", "compose-ps"),
)


def run(ctx: Context, args: Args) -> Iterator[Exception]:
    """Shows the logs; what keeps one from being read is told."""
    from ..cli.output import write
    from ..compose import follow, ground, selecting
    from ..containers import reading

    base = ground.asked(ctx, args, None, write)
    show = follow.shower(base, args)
    wanted = reading.asked(args, ctx.now(), follow=args.follow, streams=(1, 2))
    found = [one.id for one in selecting.selected(base, args.service, one_off=True) if one.status != "created"]
    for item in reading.documents(ctx, base.store, list(found), wanted):
        if isinstance(item, Exception):
            yield item
        else:
            show(item)
