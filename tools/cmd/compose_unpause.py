"""compose-unpause: let frozen containers of a project go on."""

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
    "compose-unpause",
    "let frozen containers of a project go on",
    description="Lets the containers that compose-pause has frozen go on, and prints them.",
    operands=(SERVICES,),
    options=(*COMPOSE, *CHANGING),
    writes="container",
    examples=(("compose-up -d && compose-pause && compose-unpause", "let all go on"),),
    see=(
        "compose-pause",
        "ctr-unpause",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Lets them go on."""
    from ..compose import acting, ground

    return acting.unpause(ground.asked(ctx, args), args.service)
