"""ctr-inspect: everything about containers."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-inspect",
    "show everything about containers",
    description="Prints for each container one document: its state, its config.json, its image's descriptor and our "
    "record. ctr-create makes the same container again from it, but for id, name and times.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(Option("-s, --size", "also how many bytes it has written (layerSize)", kind="flag"),),
    objects="container",
    reads="container",
    writes="container-inspect",
    examples=(
        ("ctr-inspect web | jq .config.process.args", "what it runs"),
        ("ctr-inspect web | ctr-create --name web2 -", "make the same container again"),
    ),
    see=("ctr-ps", "ctr-create"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Shows one container."""
    from ..containers import selecting
    from ..store.store import Store

    return selecting.whole(ctx, Store(ctx.root), item, size=args.size)
