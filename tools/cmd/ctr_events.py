"""ctr-events: what happens to containers, as it happens, and what has happened."""

from __future__ import annotations

from ..cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-events",
    "show what happens to containers, as it happens",
    description="Prints a document for each event, from now on and until it is interrupted: its time, what was done "
    "(create, start, die, …), the container's document as it was then, and a cursor. Whoever keeps the last cursor "
    "that came, and begins with it the next time, misses no event and sees none twice, however the two ends came "
    "about.\n\n"
    "Events are kept in the store, also of containers that are gone: the newest 28 MiB of them at least. With --since, "
    "--until or --no-follow what has happened before comes first, the oldest at the top. A MOMENT is a date and time "
    "of RFC 3339 (in the host's time zone unless it names one), seconds since the epoch, or a span before now, like "
    "10m or 1h30m.\n\n"
    "A cursor whose events are not kept any more is refused, so that a gap is never overlooked.",
    options=(
        Option("--since", "begin with the events of this moment", metavar="MOMENT"),
        Option("--until", "end with the events of this moment", metavar="MOMENT"),
        Option("--cursor", "go on behind the event that this cursor came with; '' begins with the oldest"),
        Option(
            "-f, --filter",
            "only events that fit: event=ACTION, type=TYPE, container=NAME-OR-ID, image=REF, label=KEY[=VALUE]; "
            "several of one kind are alternatives, but for labels",
            metavar="KEY=VALUE",
            many=True,
        ),
        Option("--no-follow", "print what has happened until now, and end", kind="flag"),
    ),
    writes="event",
    streams=True,
    examples=(
        ("ctr-events --since 1h --until 0s", "what has happened in the last hour"),
        (
            "ctr-events --no-follow --filter event=die | jq -r '[.time, .object.id[:12], .detail.exitCode] | @tsv'",
            "how every container has ended",
        ),
        (
            "ctr-events --until \"$(date -d '1 second' +%s)\" --filter label=tier=front",
            "what happens to the containers with a label within the next second",
        ),
        (
            'ctr-events --no-follow --cursor "$(tail -n 1 log 2>/dev/null | jq -r .cursor)" >>log',
            "add to a log what has happened since it was last done",
        ),
    ),
    see=("ctr-run",),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Yields the events."""
    from ..store import event_filter
    from ..store.store import Store

    wanted = event_filter.EventFilter(args.filter)
    for event in event_filter.events(Store(ctx.root).journal, args, ctx.now(), args.cursor):
        if wanted.fits(event):
            yield event
