"""compose-run: a command of a service, in a container of its own."""

from __future__ import annotations

from ..cli.compose_options import BRINGING, CHANGING, NO_DEPS
from ..cli.container_options import CONTAINER
from ..cli.declare import Command, Operand, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

_FROM_RUN = frozenset(
    "--name --rm --interactive --tty --env --entrypoint --workdir --user --volume --label --cap-add --cap-drop".split()
)

COMMAND = Command(
    "compose-run",
    "run a command in a new container of a service",
    description="Brings up what the service depends on, and then runs one container more of it: with another "
    "command, if one is given, without the ports that the service publishes, and not found by its name. "
    "Its own streams are this command's, and its exit status too; with --detach it goes on in the "
    "background, and is printed. The container stays, for compose-logs and compose-ps --all, until "
    "compose-down, unless --rm says otherwise.",
    operands=(
        Operand("SERVICE", "service of the project"),
        Operand("COMMAND", "command and its arguments, instead of the service's", required=False, many=True),
    ),
    options=(
        *COMPOSE,
        *CHANGING,
        Option("-d, --detach", "run it in the background, and print the container", kind="flag"),
        Option("--publish", "publish a port of it on the host", metavar="[[IP:][PORT]:]PORT[/PROTOCOL]", many=True),
        Option("-P, --service-ports", "publish the ports that the service publishes", kind="flag"),
        Option("--use-aliases", "let others find it by the names of the service", kind="flag"),
        NO_DEPS,
        *(one for one in BRINGING if one.long in ("--build", "--pull")),
        *(one for one in CONTAINER if one.long in _FROM_RUN),
    ),
    writes="container",
    exits={
        125: "the container could not be made or started",
        126: "the command is there but cannot be executed",
        127: "the command is not found",
        128: "plus n: the process was ended by signal n",
    },
    verbatim=True,
    examples=(
        ("compose-run --rm web cat /etc/os-release", "one command, and nothing is left"),
        ("compose-run --rm --no-deps -e DEBUG=1 web env", "with another environment, and nothing that it needs"),
    ),
    see=(
        "compose-exec",
        "compose-up",
        "ctr-run",
    ),
)


def run(ctx: Context, args: Args) -> int | dict[str, object]:
    """Runs it: its exit status, or its document."""
    from ..cli.container_options import arguments
    from ..cli.output import write
    from ..compose import conditions, ground, one_off
    from ..compose.attached import tell_log

    base = ground.asked(ctx, args, arguments, write)
    try:
        return one_off.run(base, args)
    except conditions.NotCome as error:
        tell_log(base, error)
        raise
