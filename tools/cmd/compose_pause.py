"""compose-pause: freeze the containers of a project."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES
from ..cli.declare import Command
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-pause",
    "freeze the containers of a project",
    description="Freezes every process of the containers that run, until compose-unpause. Prints the containers.",
    operands=(SERVICES,),
    options=(*COMPOSE, *CHANGING),
    writes="container",
    examples=(("compose-up -d && compose-pause web && compose-unpause", "freeze one service, and let it go on"),),
    see=(
        "compose-unpause",
        "ctr-pause",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Freezes them."""
    from ..compose import acting, ground

    return acting.pause(ground.asked(ctx, args), args.service)
