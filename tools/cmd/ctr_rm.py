"""ctr-rm: containers out of the store."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-rm",
    "remove containers",
    description="Removes containers that don't run, with all that they have written. One that runs is refused "
    "without --force, which kills it. Prints each container as it was.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("-f, --force", "kill it when it runs; one that is not there is no failure", kind="flag"),
        Option("-v, --volumes", "also its volumes that have no name, unless another container uses them", kind="flag"),
    ),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-rm web", "remove one"),
        ("ctr-ps -aq | ctr-rm -f", "remove all, whatever they do"),
    ),
    see=(
        "ctr-stop",
        "ctr-prune",
    ),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object] | None:
    """Removes one container."""
    from ..containers import ending, selecting, stopping
    from ..errors import NotFound
    from ..runtime import state
    from ..store.store import Store

    store = Store(ctx.root)
    try:
        container = selecting.find(store, item)
    except NotFound:
        if args.force:
            return None
        raise
    found = stopping.remove(ctx, store, container, force=args.force, volumes=args.volumes)
    return state.document(found, ending.last_known(found))
