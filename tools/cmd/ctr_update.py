"""ctr-update: other limits, another restart policy."""

from __future__ import annotations

from ..cli.container_options import CHANGEABLE
from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-update",
    "change the limits and restart policy of containers",
    description="Gives each container the limits that are named, at once when it runs, and for all its starts to come; "
    "the others stay as they are. The limit of memory and swap together stays twice the memory where it was. With "
    "--restart, its policy from now on, of which --restart-delay and --restart-window change a part; 0 gives their "
    "defaults back. Prints each container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=CHANGEABLE,
    objects="container",
    reads="container",
    writes="container",
    examples=(
        (
            "ctr-run -d --name web debian:bookworm sleep 60 | ctr-update --restart unless-stopped",
            "have it come back after a reboot",
        ),
        ("ctr-ps -a | ctr-update --restart no", "have none of them come back"),
    ),
    see=("ctr-run", "ctr-inspect"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Updates one container."""
    from ..containers import selecting, updating
    from ..store.store import Store

    store = Store(ctx.root)
    return updating.update(ctx, store, selecting.find(store, item), args)
