"""compose-ps: the containers of a project."""

from __future__ import annotations

from ..cli.compose_options import SERVICES
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-ps",
    "list the containers of a project",
    description="Prints the project's containers that have a process, by service and number; with --all also the "
    "others and those of compose-run. The documents are those of ctr-ps, with the service, number, name, health, exit "
    "status and ports beside the rest, and every ctr-* command takes them.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        Option("-a, --all", "also containers that do not run, and one-off ones", kind="flag"),
        Option(
            "--status", "only those that do this",
            choices=("created", "running", "paused", "restarting", "stopped"), many=True,
        ),
        Option("--services", "print each service of them once, by its name", kind="flag"),
    ),
    writes="container or compose-item",
    examples=(
        ("compose-up -d && compose-ps", "what runs"),
        ("compose-ps -a | jq -r 'select(.health==\"unhealthy\").name'", "what is not well"),
        ("compose-up -d && compose-ps -q | ctr-inspect | jq -c .record.command", "every ctr-* command takes them"),
    ),
    see=("compose-up", "ctr-ps", "compose-logs"),
)  # fmt: skip


def run(ctx: Context, args: Args) -> Iterator[Document]:
    """Lists them."""
    from ..compose import ground, selecting

    base = ground.asked(ctx, args)
    there = selecting.selected(base, args.service, one_off=args.all)
    found = [
        one for one in there if (one.status in args.status if args.status else args.all or one.runs)
    ]  # fmt: skip
    if args.services:
        for name in dict.fromkeys(one.service for one in found):
            yield {"kind": "service", "name": name}
        return
    yield from selecting.documents(base, found)
