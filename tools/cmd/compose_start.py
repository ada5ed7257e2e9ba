"""compose-start: start the containers of a project that are there."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES, late_arguments
from ..cli.declare import Command
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-start",
    "start the containers of a project that are there",
    description="Starts the containers that compose-up or compose-create has made and that do not run, each once "
    "what it depends on has come to what it waits for, and prints them; of those that run it does what is left of "
    "their start: post_start that was cut off, or failed. None is made, whatever has changed.",
    operands=(SERVICES,),
    options=(*COMPOSE, *CHANGING),
    writes="container",
    examples=(
        ("compose-create && compose-start", "start what was made"),
        ("compose-up -d && compose-stop -t 0 web && compose-start web", "stop one service, and start it again"),
    ),
    see=(
        "compose-stop",
        "compose-up",
        "ctr-start",
    ),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]]:
    """Starts them."""
    from ..compose import acting, ground

    return acting.start(ground.asked(ctx, args, late_arguments), args.service)
