"""compose-up: the services of a project, up and running."""

from __future__ import annotations

from ..cli.compose_options import BRINGING, CHANGING, LINES, NO_DEPS, TIME
from ..cli.declare import Command, Operand, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_spec.jsondoc import Document

    from ..cli.declare import Args
    from ..compose.watching import Rule
    from ..context import Context

COMMAND = Command(
    "compose-up",
    "make and start the services of a project",
    description="Brings up what the compose files describe: builds and pulls the images that are missing, makes "
    "networks and volumes, then makes and starts containers. A container starts when every service in its depends_on "
    "has met its condition; containers that do not depend on one another start side by side. A container that exists "
    "is kept unless its configuration or image has changed: then it is made anew, keeps its anonymous volumes, and "
    "stderr says which fields changed. One that has ended is started again. Where the post_start hooks of a container "
    "failed or were cut off, all of them are run again.\n\n"
    "In the foreground it prints what the containers write until all have ended: on a terminal as lines, each behind "
    "its container's name, in a pipe as one document a line. Interrupted once, it stops the containers; twice, it "
    "kills them. With --detach it prints the containers instead and ends when they are started; with --wait, when they "
    "are healthy. With --watch it also does, once all is up, what compose-watch does, and says so on stderr.\n\n"
    "An external secret NAME is the file NAME in $CREDENTIALS_DIRECTORY, which systemd gives a unit, or in "
    "/etc/ocipipe/secrets ($OCIPIPE_SECRETS names another directory instead); an external config is a file in "
    "/etc/ocipipe/configs ($OCIPIPE_CONFIGS).\n\n"
    "When a dependency can no longer meet its condition, compose-up fails and shows the last lines that it wrote. Of "
    "two projects with one name in two directories, the second is refused, so that neither touches the other.",
    operands=(Operand("SERVICE", "only these services and what they depend on", required=False, many=True),),
    options=(
        *COMPOSE,
        *CHANGING,
        Option("-d, --detach", "leave the containers in the background, and print them", kind="flag"),
        Option(
            "--wait",
            "like --detach, and wait until the containers run, or are healthy where they have a health check",
            kind="flag",
        ),
        Option("--wait-timeout", "wait so many seconds at most", kind="number"),
        Option(
            "--abort-on-container-exit",
            "stop all as soon as one has ended, other than a job that others wait for; exit with its status",
            kind="flag",
        ),
        Option(
            "--abort-on-container-failure",
            "the same, but only for one that ended with another status than 0",
            kind="flag",
        ),
        Option(
            "--exit-code-from",
            "stop all as soon as one has ended; exit with this service's status",
            metavar="SERVICE",
        ),
        *BRINGING,
        NO_DEPS,
        Option("--no-start", "make the containers, and start none", kind="flag"),
        Option("-V, --renew-anon-volumes", "give containers that are made anew new anonymous volumes", kind="flag"),
        TIME,
        Option("--attach", "show only what this service writes", metavar="SERVICE", many=True),
        Option("--no-attach", "do not show what this service writes", metavar="SERVICE", many=True),
        Option(
            "-w, --watch",
            "bring changed files into the containers, as the services' develop.watch says",
            kind="flag",
        ),
        Option("--plan", "do just what this plan of compose-plan says; - for stdin", metavar="FILE"),
        *LINES,
    ),
    writes="container or log-entry",
    examples=(
        ("compose-up -d", "start what the compose file in this directory describes"),
        ("compose-up -d --wait | jq -r .status", "and wait until all is well"),
        ("compose-plan | compose-up -d --plan -", "do just what was looked at before"),
    ),
    see=("compose-config", "compose-watch", "ctr-run"),
)  # fmt: skip


def run(ctx: Context, args: Args) -> list[Document] | int:
    """Brings the services up: their containers, or in the foreground an exit status."""
    from ..cli.container_options import arguments
    from ..cli.jsonio import named
    from ..cli.output import write
    from ..compose import attached, conditions, follow, ground, up
    from ..errors import UsageError

    aborts = args.abort_on_container_exit or args.abort_on_container_failure or args.exit_code_from
    background = args.detach or args.wait or args.no_start
    if background and (aborts or args.attach or args.no_attach or args.watch):
        which = "--abort-on-container-exit" if aborts else "--watch" if args.watch else "--attach"
        raise UsageError(which, "is for the foreground, as is its kind", "leave out --detach, --wait and --no-start")
    plan = None
    if args.plan is not None:
        if args.service or args.scale or args.force_recreate or args.no_recreate or args.remove_orphans:
            raise UsageError("--plan", "says all that is to be done", "leave out services and what changes a plan")
        plan = up.read_plan(named(args.plan, ctx.stdin, "plan"))
        if not plan:
            return []
    base = ground.asked(ctx, args, arguments, write)
    if args.exit_code_from:
        base.project.service(args.exit_code_from)
    rules: Sequence[Rule] = ()
    if args.watch:
        from ..compose import watching

        rules = watching.rules(base, args.service)
    bringing, doing = up.asked(base, args, plan, start=not args.no_start)
    try:
        if not (background or args.dry_run):
            abort = "failure" if args.abort_on_container_failure else "exit" if aborts else ""
            return attached.Attached(
                bringing, doing, follow.shower(base, args), hidden=up.hidden(bringing, args.attach, args.no_attach),
                abort=abort, decides=args.exit_code_from or "", rules=rules,
            ).run()  # fmt: skip
        bringing.run(doing)
        if args.wait:
            bringing.wait(args.wait_timeout)
    except conditions.NotCome as error:
        if background:
            attached.tell_log(base, error)
        raise
    return bringing.documents()
