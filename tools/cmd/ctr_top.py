"""ctr-top: the processes of containers."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-top",
    "show the processes of containers",
    description="Prints each process of each container, with its number on the host and in the container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    objects="container",
    reads="container",
    writes="process",
    examples=(
        ("ctr-top web", "what runs in one"),
        ("ctr-ps | ctr-top | jq -s 'map(.memory) | add'", "bytes that all containers have in memory"),
    ),
    see=("ctr-stats", "ctr-ps"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> Iterator[dict[str, object]]:  # noqa: ARG001
    """Shows the processes of one container."""
    from ..containers import watching
    from ..store.store import Store

    return watching.top(ctx, Store(ctx.root), item)
