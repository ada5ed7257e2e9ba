"""net-connect: a container put on one more network."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-connect",
    "put containers on a network",
    description="Puts each container on the network as well, and prints what it has got there: a CNI result. One that "
    "does not run gets it when it is started, and is printed then.",
    operands=(
        Operand("NETWORK", "network by name"),
        Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),
    ),
    options=(
        Option("--alias", "a name that it has there beside its own", metavar="NAME", many=True),
        Option("--ip", "its address there (default: the next free one)", metavar="ADDRESS"),
        Option("--ip6", "its IPv6 address there", metavar="ADDRESS"),
        Option("--link-local-ip", "an address that it has there alone, like 169.254.7.7", metavar="ADDRESS", many=True),
        Option("--mac", "its hardware address there", metavar="ADDRESS"),
        Option("--interface", "name of the interface in it (default: the next eth…)", metavar="NAME"),
    ),
    objects="container",
    reads="container",
    writes="attachment or container",
    examples=(
        ("net-create lab && ctr-create --name db --network ocipipe debian:bookworm && net-connect --alias sql lab db",
         "one more network, one more name"),
    ),
    see=("net-disconnect", "net-create", "ctr-run"),
)  # fmt: skip


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Connects one container."""
    from ..containers import networking
    from ..network import options
    from ..store.store import Store

    wanted = options.wanted(
        args.network, args.alias, args.ip, args.ip6, args.mac, args.interface, args.link_local_ip
    )  # fmt: skip
    return networking.connect(ctx, Store(ctx.root), item, wanted)
