"""compose-create: make the containers of a project without starting them."""

from __future__ import annotations

from ..cli.compose_options import BRINGING, CHANGING, NO_DEPS, SERVICES
from ..cli.declare import Command
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-create",
    "make the containers of a project without starting them",
    description="Does what compose-up does, but for starting anything: images, networks, volumes and containers are "
    "there then, and a container that is not what the files say any more is made anew. Prints the "
    "containers.",
    operands=(SERVICES,),
    options=(*COMPOSE, *CHANGING, *BRINGING, NO_DEPS),
    writes="container",
    examples=(("compose-create && compose-start", "make, then start"),),
    see=(
        "compose-up",
        "compose-start",
        "ctr-create",
    ),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]]:
    """Makes them."""
    from ..cli.container_options import arguments
    from ..cli.output import write
    from ..compose import ground, up

    bringing, doing = up.asked(ground.asked(ctx, args, arguments, write), args, None, start=False)
    bringing.run(doing)
    return bringing.documents()
