"""net-inspect: what a network is like, and who is on it."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-inspect",
    "show networks",
    description="Prints each network's document, a CNI network configuration list. With --attachments, what the "
    "containers on it have of it instead: a CNI result each, whose sandbox ends with the container's id.",
    operands=(Operand("NAME", "network by name", required=False, many=True),),
    options=(Option("--attachments", "who is on it, instead of what it is like", kind="flag"),),
    objects="name",
    reads="network",
    writes="network or attachment",
    examples=(
        ("net-inspect ocipipe | jq '.plugins[0].ipam.ranges'", "the default network's addresses"),
        ("net-ls | net-inspect --attachments", "what every container has"),
    ),
    see=("net-ls", "net-create"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> Iterator[dict[str, object]]:
    """Shows one network."""
    from ..network import state
    from ..network.networks import Networks
    from ..store.store import Store

    name = item if isinstance(item, str) else str(item["name"])
    network = Networks(Store(ctx.root)).find(name)
    if not args.attachments:
        yield network.document
        return
    for _, attachment in state.read(ctx.run_root).attachments(name):
        yield attachment["result"]
