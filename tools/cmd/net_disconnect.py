"""net-disconnect: a container taken off a network."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-disconnect",
    "take containers off a network",
    description="Takes each container off the network, and prints the container. Its interface goes with all that came "
    "and went through it; its way out, and its published ports, are then those of the next network that has one.",
    operands=(
        Operand("NETWORK", "network by name"),
        Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),
    ),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-create --name db --network ocipipe debian:bookworm && net-disconnect ocipipe db",
         "off the default network"),
    ),
    see=("net-connect", "net-rm"),
)  # fmt: skip


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Disconnects one container."""
    from ..containers import networking
    from ..store.store import Store

    return networking.disconnect(ctx, Store(ctx.root), item, args.network)
