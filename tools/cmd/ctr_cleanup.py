"""ctr-cleanup: what has to be done when a container has ended."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-cleanup",
    "record that a container has ended, and clean up after it",
    description="Monitors call it when their container has ended: it records the exit status, unmounts, and then "
    "removes the container or starts it again, as its options say. After a crash it does the same by hand; to a "
    "container that runs it does nothing. Prints the container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    objects="container",
    reads="container",
    writes="container",
    examples=(("ctr-ps -a | ctr-cleanup", "see to every container after a crash"),),
    see=("ctr-ps", "store-check"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:  # noqa: ARG001
    """Cleans up after one container."""
    from ..containers import cleanup, selecting
    from ..host import process
    from ..runtime import state
    from ..store.store import Store

    process.close_inherited()  # a monitor's locks are not ours
    store = Store(ctx.root)
    with store.containers.locked(selecting.find(store, item)) as container:
        cleanup.clean_up(ctx, store, container)
        return state.document(container, state.observe(container, ctx.run_root, ctx.env))
