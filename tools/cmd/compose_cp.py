"""compose-cp: files into and out of containers of services."""

from __future__ import annotations

from ..cli.compose_options import DRY_RUN, INDEX
from ..cli.declare import Command, Operand, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-cp",
    "copy files between containers of services and the host",
    description="One side is SERVICE:PATH, from the container's root; the other is a path of the host, or - for a "
    "tar archive on stdin or stdout. All else is as ctr-cp has it.",
    operands=(
        Operand("SRC", "what to copy: SERVICE:PATH, a path, or - for a tar archive on stdin"),
        Operand("DEST", "where to: SERVICE:PATH, a path, or - for a tar archive on stdout"),
    ),
    options=(
        *COMPOSE,
        DRY_RUN,
        INDEX,
        Option("-a, --archive", "keep owners and extended attributes", kind="flag"),
        Option("-L, --follow-link", "copy what the link SRC leads to, not the link", kind="flag"),
    ),
    examples=(("compose-up -d && compose-cp web:/etc/os-release release", "a file out of a container"),),
    see=(
        "compose-exec",
        "ctr-cp",
    ),
)


def run(ctx: Context, args: Args) -> int:
    """Copies."""
    from contextlib import ExitStack

    from ..cli.output import write
    from ..compose import ground, selecting
    from ..containers.copy import Copy, sides

    base = ground.asked(ctx, args)
    source, target = (selecting.place(base, side, args.index) for side in (args.src, args.dest))
    sides(source, target)

    def do() -> None:
        with ExitStack() as stack:
            copy = Copy(ctx, base.store, stack, archive=args.archive, follow=args.follow_link)
            copy.run(source, target, lambda data: write(ctx.stdout, data))

    base.act(f"copy {source} to {target}", do)
    return 0
