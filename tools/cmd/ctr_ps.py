"""ctr-ps: the containers of the store."""

from __future__ import annotations

from ..cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-ps",
    "list containers",
    description="Prints each container that runs, newest first, with --all also those that don't. What is printed is "
    "what is true at this moment: a container whose monitor was killed, or that a reboot ended, is shown as it is.",
    options=(
        Option("-a, --all", "also those that do not run", kind="flag"),
        Option("-l, --latest", "only the newest, whatever it does", kind="flag"),
        Option("-n, --last", "only so many of the newest, whatever they do", kind="integer"),
        Option(
            "-f, --filter",
            "only those that fit: id, name (a regular expression), label, status, exited, ancestor, health, volume, "
            "network=VALUE, or before, since=CONTAINER",
            metavar="KEY=VALUE",
            many=True,
        ),
    ),
    writes="container",
    examples=(
        ("ctr-ps", "what runs"),
        ("ctr-ps -a --filter status=exited | ctr-rm", "remove what has ended"),
    ),
    see=("ctr-inspect", "ctr-run", "ctr-stop"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Lists the containers."""
    from ..containers import selecting
    from ..store.store import Store

    most = 1 if args.latest else args.last
    return selecting.documents(ctx, Store(ctx.root), args.filter, everything=args.all, most=most)
