"""compose-restart: stop the containers of a project and start them again."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES, TIME, late_arguments
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-restart",
    "stop the containers of a project and start them again",
    description="Stops and starts each container, in the order of what they depend on, with those of services that "
    "are to be restarted with what they depend on (depends_on.restart). Prints them. What has changed "
    "in the files is not seen: compose-up sees it.",
    operands=(SERVICES,),
    options=(*COMPOSE, *CHANGING, TIME, Option("--no-deps", "not those that depend on them", kind="flag")),
    writes="container",
    examples=(("compose-up -d && compose-restart -t 0 web", "one service"),),
    see=(
        "compose-up",
        "compose-start",
        "ctr-restart",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Restarts them."""
    from ..compose import acting, ground

    base = ground.asked(ctx, args, late_arguments)
    return acting.restart(base, args.service, args.timeout, dependents=not args.no_deps)
