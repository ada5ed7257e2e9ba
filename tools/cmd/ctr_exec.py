"""ctr-exec: one more process in a running container."""

from __future__ import annotations

from ..cli.container_options import EXEC
from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-exec",
    "run a command in a running container",
    description="Runs one more process in a container, with the container's environment, user, working directory and "
    "limits, and this command's standard streams; the exit status is the process's own. Signals go on to the process. "
    "A container that does not run, or is paused, is refused. With - as CONTAINER, its document is read from stdin: "
    "one line and no byte more, so that with -i the process can read what follows.\n\n"
    "The process is this command's own child, and no monitor is beside it. With --detach-keys there is one, which "
    "keeps the terminal when this command is gone. With --detach nobody waits for the process: the journal has its "
    "start and not its end.",
    operands=(
        Operand("CONTAINER", "container by name, id or an id's beginning, or - for its document on stdin"),
        Operand("COMMAND", "command and its arguments", many=True),
    ),
    options=EXEC,
    reads="container",
    verbatim=True,
    exits={
        125: "the process could not be started: the container does not run, is paused or is not there, or we failed",
        126: "the command is there but cannot be executed",
        127: "the command is not found",
        128: "plus n: the process was ended by signal n",
    },
    examples=(
        ("ctr-exec web cat /etc/os-release", "one command"),
        ("ctr-exec -it web sh", "a shell"),
        ("ctr-ps -l | ctr-exec - id", "in the newest container"),
        ("echo hello | ctr-exec -i web tr a-z A-Z", "a process in the middle of a pipe"),
    ),
    see=("ctr-run", "ctr-attach", "ctr-top"),
)


def run(ctx: Context, args: Args) -> int:
    """Runs one process; its exit status, 0 with --detach."""
    from ..containers import executing, selecting
    from ..store.store import Store

    if args.container == "-":
        from ..cli.jsonio import first

        item = first(ctx.stdin, "container")
    else:
        item = args.container
    store = Store(ctx.root)
    return executing.run(ctx, store, selecting.find(store, item), args)
