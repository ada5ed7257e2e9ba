"""compose-rm: remove the containers of a project that do not run."""

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
    "compose-rm",
    "remove the containers of a project that do not run",
    description="Removes the containers that do not run, with --stop all of them, and prints each as it was. "
    "Networks and named volumes stay.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        *CHANGING,
        Option("-s, --stop", "stop those that run, and remove them too", kind="flag"),
        Option("-v, --volumes", "also their volumes that have no name", kind="flag"),
    ),
    writes="container",
    examples=(
        ("compose-up -d && compose-stop -t 0 && compose-rm", "what was stopped"),
        ("compose-up -d && compose-rm -s web", "one service, whatever it does"),
    ),
    see=(
        "compose-down",
        "ctr-rm",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Removes them."""
    from ..compose import acting, ground

    return acting.remove(ground.asked(ctx, args), args.service, stops=args.stop, volumes=args.volumes)
