"""compose-stop: stop the containers of a project."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES, TIME
from ..cli.declare import Command
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-stop",
    "stop the containers of a project",
    description="Stops the containers, those first that no other depends on, and prints them. They stay: "
    "compose-start starts them again, compose-down removes them.",
    operands=(SERVICES,),
    options=(*COMPOSE, *CHANGING, TIME),
    writes="container",
    examples=(
        ("compose-up -d && compose-stop -t 0", "stop all, at once"),
        ("compose-up -d && compose-stop web -t 0 | ctr-start", "stop one, and start it by itself"),
    ),
    see=(
        "compose-start",
        "compose-down",
        "ctr-stop",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Stops them."""
    from ..compose import acting, ground

    return acting.stop(ground.asked(ctx, args), args.service, args.timeout)
