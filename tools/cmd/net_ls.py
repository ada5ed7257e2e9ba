"""net-ls: the networks of the store."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-ls",
    "list networks",
    description="Prints each network, the default one (ocipipe) first: it exists without being made.",
    operands=(Operand("NAME", "only these networks", required=False, many=True),),
    options=(
        Option(
            "--filter",
            "only networks that fit: name=PATTERN (a regular expression), driver=NAME, label=KEY[=VALUE]",
            metavar="KEY=VALUE",
            many=True,
        ),
    ),
    writes="network",
    examples=(("net-ls", "list all networks"), ("net-ls -q --filter driver=bridge", "names of the bridges")),
    see=("net-create", "net-inspect", "net-rm"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Lists networks."""
    from ..containers import networking
    from ..store.store import Store

    return networking.listed(Store(ctx.root), args.name, args.filter)
