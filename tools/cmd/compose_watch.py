"""compose-watch: changed files, on their way into containers."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-watch",
    "bring changed files into the containers of a project",
    description="Brings the services up, watches what their develop.watch names, and does what that says when "
    "something changes: sync copies it into the containers, as root's, and removes what is gone; restart "
    "and sync+restart start the containers anew; sync+exec runs a command in them; rebuild builds the "
    "image and makes the containers anew. Prints an action each time, with the paths that have changed, "
    "until it is interrupted; the containers stay. What a rule ignores, .git and what .dockerignore "
    "leaves out is not looked at. With --dry-run it watches as well, and says of each change what it would do.",
    operands=(SERVICES,),
    options=(*COMPOSE, *CHANGING, Option("--no-up", "only watch: the containers are there", kind="flag")),
    writes="action",
    streams=True,
    examples=(("compose-watch web & sleep 3; kill %1", "watch one service for three seconds"),),
    see=("compose-up", "compose-build", "compose-cp"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Watches."""
    from ..cli.container_options import arguments
    from ..cli.output import write
    from ..compose import ground, up, watching

    base = ground.asked(ctx, args, arguments, write)
    rules = watching.rules(base, args.service)
    if not args.no_up:
        up.plain(base, args.service)
    yield from watching.Watching(base, rules).run()
