"""compose-attach: our standard streams as those of a service's container."""

from __future__ import annotations

from ..cli.compose_options import INDEX
from ..cli.container_options import ATTACHED
from ..cli.declare import Command, Operand, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-attach",
    "be attached to a running container of a service",
    description="Carries the container's output from now on to ours, and our stdin to it when it was made to read "
    "any, until it ends: its exit status is the command's.",
    operands=(Operand("SERVICE", "service of the project"),),
    options=(*COMPOSE, INDEX, Option("--no-stdin", "leave our stdin alone", kind="flag"), *ATTACHED),
    exits={125: "it could not be attached to", 128: "plus n: its process was ended by signal n"},
    examples=(
        (
            "compose-up -d\n(sleep 1; compose-kill web) &\ncompose-attach --no-stdin web || true",
            "watch what it says until it ends",
        ),
    ),
    see=(
        "compose-logs",
        "compose-exec",
        "ctr-attach",
    ),
)


def run(ctx: Context, args: Args) -> int:
    """Attaches to one container; its exit status."""
    from ..compose import ground, selecting
    from ..containers import launching

    base = ground.asked(ctx, args)
    return launching.attach(ctx, base.store, selecting.single(base, args.service, args.index), args)
