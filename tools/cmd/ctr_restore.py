"""ctr-restore: containers that go on from where they were written down."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-restore",
    "let containers go on from their checkpoint",
    description="Lets each container go on from where ctr-checkpoint wrote it down, with a new monitor; the checkpoint "
    "is removed then. One that runs is refused; where criu cannot restore it, its words are told, and container and "
    "checkpoint are as before. Prints each container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(Option("-k, --keep", "keep the checkpoint, to go on from it again", kind="flag"),),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-run -d --runtime runc --name job debian:bookworm sleep 60; ctr-checkpoint job; ctr-restore --keep job",
         "let it go on, and keep where it was"),
    ),
    see=("ctr-checkpoint", "ctr-start"),
)  # fmt: skip


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Restores one container."""
    from ..containers import checkpointing, selecting
    from ..runtime import state
    from ..store.store import Store

    store = Store(ctx.root)
    found = checkpointing.restore(ctx, store, selecting.find(store, item), keep=args.keep)
    return state.document(found, state.observe(found, ctx.run_root, ctx.env))
