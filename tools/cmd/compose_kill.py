"""compose-kill: send a signal to the containers of a project."""

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
    "compose-kill",
    "send a signal to the containers of a project",
    description="Sends a signal to the first process of each container that runs, and prints the containers.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        *CHANGING,
        Option("-s, --signal", "signal by name or number (default: SIGKILL)", metavar="SIGNAL"),
    ),
    writes="container",
    examples=(
        ("compose-up -d && compose-kill", "end all at once"),
        ("compose-up -d && compose-kill -s HUP web", "let one read its configuration again"),
    ),
    see=(
        "compose-stop",
        "ctr-kill",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Signals them."""
    from ..compose import acting, ground

    return acting.kill(ground.asked(ctx, args), args.service, args.signal)
