"""compose-wait: until the containers of services have ended."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-wait",
    "wait until the containers of services have ended",
    description="Waits for each container of the services, and prints it: its exit status is its field exitCode. "
    "With --exit-status and one container, its exit status is the command's. --down-project takes the "
    "project down after that.",
    operands=(Operand("SERVICE", "service of the project", many=True),),
    options=(
        *COMPOSE,
        Option("--exit-status", "of one container: end with its exit status", kind="flag"),
        Option("--down-project", "take the project down when they have ended", kind="flag"),
    ),
    writes="container",
    exits={125: "with --exit-status: it could not be had", 128: "with --exit-status, plus n: ended by signal n"},
    examples=(("compose-up -d && compose-wait job", "until a job has ended"),),
    see=(
        "compose-up",
        "ctr-wait",
    ),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]] | int:
    """Waits for containers."""
    from ..compose import conditions, down, ground, selecting
    from ..errors import UsageError

    base = ground.asked(ctx, args)
    there = selecting.selected(base, args.service)
    if args.exit_status and len(there) != 1:
        raise UsageError("--exit-status", f"is for one container, not for {len(there)}", "wait for them one by one")
    found = [selecting.ended(base, one, conditions.ended(base, one.id, lambda: None)) for one in there]
    if args.down_project:
        for result in down.down(base, (), orphans=False, volumes=False, images="", seconds=None):
            if isinstance(result, Exception):
                raise result
    return selecting.exit_status(found[0]) if args.exit_status else found
