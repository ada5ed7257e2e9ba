"""ctr-diff: what containers have changed of their images."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-diff",
    "show what a container has changed of its image",
    description="Prints each path that was added, changed or deleted, a directory before what is in it, names in byte "
    "order; a directory in which something changed has changed itself. What volumes and other mounts hold is no part "
    "of a container, nor are the places where they are mounted. All is read from the container's writable layer; the "
    "size of the image does not matter.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    objects="container",
    reads="container",
    writes="change",
    examples=(
        ("ctr-run --name job debian:bookworm touch /new; ctr-diff job", "see what a command has made"),
        (
            "ctr-run --name job debian:bookworm rm /etc/motd; ctr-diff job | jq -r 'select(.kind==\"deleted\").path'",
            "list what it has deleted",
        ),
    ),
    see=("ctr-run",),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> Iterator[dict[str, object]]:  # noqa: ARG001
    """The changes of one container."""
    from ..containers import selecting
    from ..containers.difference import documents
    from ..store.store import Store

    store = Store(ctx.root)
    return documents(store, selecting.find(store, item))
