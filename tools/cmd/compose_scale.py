"""compose-scale: change how many containers services have."""

from __future__ import annotations

from ..cli.compose_options import BRINGING, CHANGING, NO_DEPS, SCALE
from ..cli.declare import Command, Operand
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-scale",
    "change how many containers services have",
    description="Makes and starts containers until each service named has so many, or removes those with the "
    "highest numbers. Other services are started as the named ones need them. Prints the containers.",
    operands=(Operand("SERVICE", "SERVICE=NUMBER", many=True),),
    options=(*COMPOSE, *CHANGING, *(one for one in BRINGING if one is not SCALE), NO_DEPS),
    writes="container",
    examples=(("compose-scale web=2 | jq -r .name", "two of one service"),),
    see=("compose-up",),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]]:
    """Scales."""
    from ..cli.container_options import arguments
    from ..cli.output import write
    from ..compose import ground, up, wanting

    base = ground.asked(ctx, args, arguments, write)
    scale = wanting.scales(args.service, base.project)
    bringing, doing = up.asked(base, args, None, start=True, scale=scale)
    bringing.run(doing)
    return bringing.documents()
