"""net-rm: networks, out of the store."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-rm",
    "remove networks",
    description="Removes each network. One that a container is on, or wants to be on when it is started, is refused; "
    "with --force the containers that are on it are taken off. One that does not run goes on wanting it: it starts "
    "again when a network of that name exists, or after net-disconnect. The default network can only be reset: it "
    "exists again with its next use.",
    operands=(Operand("NAME", "network by name", required=False, many=True),),
    options=(Option("-f, --force", "take running containers off it first", kind="flag"),),
    objects="name",
    reads="network",
    writes="action",
    examples=(("net-create lab && net-rm lab", "remove one"),),
    see=("net-prune", "net-create", "net-disconnect"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Removes one network."""
    from ..containers import networking
    from ..store.store import Store

    name = item if isinstance(item, str) else str(item["name"])
    return networking.remove(ctx, Store(ctx.root), name, force=args.force)
