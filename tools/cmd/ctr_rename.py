"""ctr-rename: another name for a container."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-rename",
    "give a container another name",
    description="The name must be free. The container goes on as it is, and keeps its id and host name. Prints it.",
    operands=(
        Operand("CONTAINER", "container by name, id or an id's beginning, or - for its document on stdin"),
        Operand("NAME", "its new name"),
    ),
    reads="container",
    writes="container",
    examples=(("ctr-rename web old", "make room for another web"),),
    see=("ctr-ps",),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Renames one container."""
    from ..cli import jsonio
    from ..containers import ending, selecting
    from ..runtime import state
    from ..store.store import Store

    store = Store(ctx.root)
    item = jsonio.one(ctx.stdin, "container") if args.container == "-" else args.container
    container = selecting.find(store, item)
    with store.containers.locked(container) as container:
        before = container.name
        store.containers.rename(container, args.name)
        ending.tell(ctx, store, container, "rename", oldName=before)
    return state.document(container, state.observe(container, ctx.run_root, ctx.env))
