"""ctr-logs: what containers have said."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-logs",
    "show what containers have said",
    description="Writes what a container has written to its stdout to our stdout, and what it has written to its "
    "stderr to our stderr, every byte as it was. Of several containers each line begins with a name. With --format "
    "json there is a document for each line instead.\n\n"
    "With --follow it goes on with what comes, also after restarts by the container's restart policy, and ends when "
    "the container has ended or is removed. A MOMENT is a date and time of RFC 3339 (in the host's time zone unless it "
    "names one), seconds since the epoch, or a span before now, like 10m or 1h30m.\n\n"
    "A log is kept until its container is removed, but for a file that --log-opt path names, which stays. It is kept "
    "in pieces of 10 MiB, or what --log-opt max-size says; -1 lets it grow without a limit. With max-file=N, a small "
    "helper beside the container's monitor keeps the newest N pieces at all times; with max-file=1 the log begins "
    "anew when it is full. Without max-file there is no helper: each look at the log with this command, and each start "
    "of the container, sees to it that the next two pieces keep what was before, so that nothing is lost of a "
    "container that fills less than that in between. Of one that fills more, the two oldest of these pieces are kept, "
    "and the newest, which begins with each full piece anew: there are never more than four.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("-f, --follow", "go on with what comes, until the container has ended", kind="flag"),
        Option("--since", "begin with what was written at this moment", metavar="MOMENT"),
        Option("--until", "end with what was written at this moment", metavar="MOMENT"),
        Option("-n, --tail", "only the last N lines of each container, or all", metavar="N", default="all"),
        Option("-t, --timestamps", "print the time before each line", kind="flag"),
        Option("--stdout-only", "only what it wrote to stdout", kind="flag"),
        Option("--stderr-only", "only what it wrote to stderr", kind="flag"),
        Option("--format", "with json, a document for each line, all on stdout", choices=("json",)),
    ),
    reads="container",
    writes="log-entry",
    streams=True,
    examples=(
        ("ctr-run -d --name web debian:bookworm date; ctr-wait web; ctr-logs web", "what it said"),
        ("ctr-run -d --name web debian:bookworm sh -c 'ls /none /etc'; ctr-logs -f web 2>&1 >/dev/null", "only errors"),
        ("ctr-ps -a -q | ctr-logs --format json --since 10m | jq -r .line", "what all have said lately"),
    ),
    see=("ctr-attach", "ctr-events", "ctr-run"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Writes the logs; documents are for the launcher to print."""
    from ..cli import jsonio, output
    from ..containers import reading
    from ..errors import UsageError
    from ..store.store import Store

    if args.quiet:
        raise UsageError("--quiet", "there is nothing shorter than what was said", "leave it out")
    if args.stdout_only and args.stderr_only:
        raise UsageError("--stdout-only --stderr-only", "leave nothing", "leave one of them out, or both")
    if args.timestamps and args.format:
        raise UsageError("--timestamps", "documents have them already", "leave it out")
    streams = (1,) if args.stdout_only else (2,) if args.stderr_only else (1, 2)
    wanted = reading.asked(args, ctx.now(), follow=args.follow, streams=streams)
    store = Store(ctx.root)
    items = list(jsonio.objects(args.container, ctx.stdin, "container"))
    if args.format:
        yield from reading.documents(ctx, store, items, wanted)
        return
    ctx.progress.close()  # stderr is the containers' now

    def write(stream: int, data: bytes) -> None:
        output.write(ctx.stdout if stream == 1 else ctx.stderr, data)

    yield from reading.copy(ctx, store, items, wanted, write, timestamps=args.timestamps)
