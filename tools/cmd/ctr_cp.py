"""ctr-cp: files into and out of containers."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-cp",
    "copy files between containers and the host",
    description="One side, or both, are CONTAINER:PATH, from the container's root; the other is a path of the host, or "
    "- for a tar archive on stdin or stdout. The container may be running or not; volumes and other mounts are seen as "
    "its process sees them. A file goes into DEST if that is a directory, else it becomes DEST. A directory goes into "
    "DEST if that exists, and only its content does if SRC ends with /. ; else it becomes DEST, whose parent must "
    "exist. DEST/ must be a directory unless SRC is one. Modes and times are kept; owners become root in a container "
    "and yourself on the host, unless --archive keeps them or a tar archive tells them. A path of the host that looks "
    "like CONTAINER:PATH is written ./a:b. A link in the container never leads out of it.",
    operands=(
        Operand("SRC", "what to copy: CONTAINER:PATH, a path, or - for a tar archive on stdin"),
        Operand("DEST", "where to: CONTAINER:PATH, a path, or - for a tar archive on stdout"),
    ),
    options=(
        Option("-a, --archive", "keep owners and extended attributes", kind="flag"),
        Option("-L, --follow-link", "copy what the link SRC leads to, not the link", kind="flag"),
    ),
    examples=(
        (
            "ctr-run --name job debian:bookworm touch /new; ctr-cp job:/new .; ctr-cp new job:/etc/",
            "a file out of a container, and into it",
        ),
        (
            "ctr-run --name job debian:bookworm true; ctr-cp job:/etc/apt - | tar -t",
            "a directory as an archive",
        ),
        (
            "ctr-run --name job debian:bookworm true; touch new; tar -c new | ctr-cp - job:/root",
            "an archive into a directory",
        ),
    ),
    see=("ctr-diff", "ctr-export"),
)


def run(ctx: Context, args: Args) -> int:
    """Copies."""
    from contextlib import ExitStack

    from ..cli.output import write
    from ..containers.copy import STREAM, Copy
    from ..store.store import Store

    if args.src == STREAM and ctx.stdin.isatty():
        raise UsageError("standard input", "is a terminal", "pipe a tar archive in")
    if args.dest == STREAM and ctx.stdout.isatty():
        raise UsageError("standard output", "is a terminal", "pipe the archive on")
    with ExitStack() as stack:
        copy = Copy(ctx, Store(ctx.root), stack, archive=args.archive, follow=args.follow_link)
        copy.run(args.src, args.dest, lambda data: write(ctx.stdout, data))
    return 0
