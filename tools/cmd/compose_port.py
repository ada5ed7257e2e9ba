"""compose-port: which ports of the host lead to a service."""

from __future__ import annotations

from ..cli.compose_options import INDEX
from ..cli.declare import Command, Operand
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-port",
    "show which ports of the host lead to a service",
    description="Prints each published port of the service's container, with the port of the host that leads to it; "
    "with PORT only that one, and fails where it is not published. --quiet prints ADDRESS:PORT.",
    operands=(
        Operand("SERVICE", "service of the project"),
        Operand("PORT", "port of the container, like 80 or 53/udp (default protocol: tcp)", required=False),
    ),
    options=(*COMPOSE, INDEX),
    writes="port",
    examples=(("compose-up -d && compose-port web", "all that is published"),),
    see=(
        "compose-ps",
        "ctr-port",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Shows the ports."""
    from ..compose import ground, selecting
    from ..containers import publishing

    base = ground.asked(ctx, args)
    container = selecting.single(base, args.service, args.index)
    return publishing.ports_of_each(ctx, base.store, [container.id], args.port)
