"""compose-exec: one more process in a running container of a service."""

from __future__ import annotations

from ..cli.compose_options import INDEX
from ..cli.container_options import EXEC
from ..cli.declare import Command, Operand
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-exec",
    "run a command in a running container of a service",
    description="Runs one more process in a container of the service, as ctr-exec does: with the container's "
    "environment, user and limits and with this command's standard streams; the exit status is the "
    "process's own.",
    operands=(Operand("SERVICE", "service of the project"), Operand("COMMAND", "command and its arguments", many=True)),
    options=(*COMPOSE, INDEX, *(one for one in EXEC if one.long != "--env-file")),
    exits={
        125: "the process could not be started",
        126: "the command is there but cannot be executed",
        127: "the command is not found",
        128: "plus n: the process was ended by signal n",
    },
    verbatim=True,
    examples=(
        ("compose-up -d && compose-exec web cat /etc/os-release", "one command"),
        ("compose-up -d && echo hello | compose-exec -i web tr a-z A-Z", "a process in the middle of a pipe"),
    ),
    see=(
        "compose-run",
        "compose-attach",
        "ctr-exec",
    ),
)


def run(ctx: Context, args: Args) -> int:
    """Runs one process; its exit status."""
    from ..cli.declare import Args as Arguments
    from ..compose import ground, selecting
    from ..containers import executing

    base = ground.asked(ctx, args)
    container = selecting.single(base, args.service, args.index)
    return executing.run(ctx, base.store, container, Arguments({**vars(args), "env_file": []}))
