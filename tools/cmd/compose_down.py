"""compose-down: stop and remove what compose-up has made."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES, TIME
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-down",
    "stop and remove the containers and networks of a project",
    description="Stops the containers, those first that no other depends on, and removes them; then the project's "
    "networks. Named volumes stay, unless --volumes takes them; what is external always stays. Prints an action for "
    "each thing that is gone. Containers of another project of the same name, in another directory, are not touched: "
    "the command is refused.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        *CHANGING,
        Option("-v, --volumes", "also its volumes, with their files, and those of the containers", kind="flag"),
        Option("--rmi", "also its images: all, or local, which have no name of their own", choices=("all", "local")),
        Option("--remove-orphans", "also containers of services that are no more", kind="flag"),
        TIME,
    ),
    writes="action",
    examples=(
        ("compose-up -d && compose-down", "start, and take away again"),
        ("compose-up -d && compose-down -v -t 0", "with all data, and at once"),
    ),
    see=("compose-up", "compose-config"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Takes the project down."""
    from ..compose import down, ground

    base = ground.asked(ctx, args)
    return down.down(
        base, args.service, orphans=args.remove_orphans, volumes=args.volumes, images=args.rmi or "",
        seconds=args.timeout,
    )  # fmt: skip
