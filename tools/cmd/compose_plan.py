"""compose-plan: what compose-up would do, and why."""

from __future__ import annotations

from ..cli.compose_options import BRINGING, NO_DEPS, SERVICES
from ..cli.declare import Command
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-plan",
    "show what compose-up would do, and why",
    description="Prints an action for each thing that compose-up would do with the same options, in an order in which "
    "it can be done, with its reasons: by field of the model, what it was and what it is to be. Nothing is printed "
    "where nothing is to be done. compose-up --plan does just what such a plan says, and refuses one that is not true "
    "any more. What an image that is yet to be pulled or built changes is seen only when it is there: after that, make "
    "a new plan.",
    operands=(SERVICES,),
    options=(*COMPOSE, *BRINGING, NO_DEPS),
    writes="compose-plan",
    examples=(
        ("compose-plan", "what would be done"),
        ("compose-plan | jq -r '[.action, .object.name, .reasons[].field] | @tsv'", "in short"),
        ("compose-plan | compose-up -d --plan -", "do just that"),
    ),
    see=("compose-up", "compose-config"),
)


def run(ctx: Context, args: Args) -> list[Document]:
    """Makes the plan."""
    from ..cli.container_options import arguments
    from ..compose import ground, up

    bringing, _ = up.asked(ground.asked(ctx, args, arguments), args, None, start=True)
    return bringing.planned()
