"""ctr-health: how containers are, by their health checks."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-health",
    "show how containers are, by their health checks",
    description="Prints for each container that has a health check whether it is starting, healthy or unhealthy, how "
    "often the check has failed in a row, and its last five results. A shell beside the container runs the check; the "
    "status is none when somebody has killed that one. With --run the check is run now, and one that fails is a "
    "failure of this command. The journal has an event health_status for each change.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("--run", "run the check now; the result counts like any other", kind="flag"),
        Option("--paced", "for the shell that checks: run it, and print the seconds until the next", kind="flag"),
    ),
    objects="container",
    reads="container",
    writes="health",
    examples=(
        (
            "ctr-run -d --name db --health-cmd 'test -e /etc/passwd' --health-interval 1s debian:bookworm sleep 60 | "
            "ctr-health --run",
            "a container with a check, and its first result",
        ),
        (
            "ctr-run -d --health-cmd true --health-interval 1s debian:bookworm sleep 60 | "
            "ctr-wait --condition healthy | ctr-health | jq -r '.log[-1].exitCode'",
            "wait until it is healthy, and show the exit status of the last check",
        ),
    ),
    see=("ctr-run", "ctr-wait", "ctr-ps"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> Iterator[dict[str, object] | bytes | Exception]:
    """The health of one container."""
    from ..containers import health, selecting
    from ..errors import UsageError
    from ..host import process
    from ..store.store import Store

    if args.run and args.paced:
        raise UsageError("--paced", "does not go with --run", "leave one of them out")
    process.close_inherited()  # the lock of the shell that checks is not ours
    store = Store(ctx.root)
    container = selecting.find(store, item)
    if args.paced:
        yield b"%.3f\n" % health.paced(ctx, store, container)
    elif args.run:
        found = health.check(ctx, store, container)
        yield found
        yield from health.failure(found)
    else:
        yield health.document(ctx, container)
