"""ctr-attach: our standard streams as a running container's."""

from __future__ import annotations

from ..cli.container_options import ATTACHED
from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-attach",
    "be attached to a running container",
    description="Carries the container's output from now on to ours, and our stdin to it when it was made to read any, "
    "until it ends: its exit status is the command's. The keys that detach leave it running, and so does a signal with "
    "--sig-proxy=false.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning"),),
    options=(Option("--no-stdin", "leave our stdin alone", kind="flag"), *ATTACHED),
    exits={125: "it could not be attached to", 128: "plus n: its process was ended by signal n"},
    examples=(("ctr-attach --no-stdin web", "watch what it says"),),
    see=("ctr-logs", "ctr-exec", "ctr-run"),
)


def run(ctx: Context, args: Args) -> int:
    """Attaches to one container; its exit status."""
    from ..containers import launching
    from ..store.store import Store

    store = Store(ctx.root)
    return launching.attach(ctx, store, store.containers.find(args.container), args)
