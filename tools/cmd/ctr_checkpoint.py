"""ctr-checkpoint: the state of containers' processes, written down."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..cli.declare import Args
    from ..context import Context
    from ..store.container import Container

COMMAND = Command(
    "ctr-checkpoint",
    "write down the state of running containers",
    description="Writes the processes of each container, with their memory and open files, into its directory, with "
    "criu; the container ends with that, and its restart policy does not apply. ctr-restore lets it go on from there, "
    "also after a reboot. Its files are not copied: its processes find what they are by then. A checkpoint "
    "takes the place of the one before. The OCI runtime must know criu: runc does, crun where it was built for it. "
    "Where criu cannot, the container goes on, and criu's words are told. Prints each container.\n\n"
    "With --export it becomes an archive, with what the container has changed of its image, for ctr-restore --import "
    "on this or another machine. What volumes hold is not in it (vol-export), nor the image, but for its name.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("-e, --export", "write it into an archive as well, to go on elsewhere; - for stdout", metavar="FILE"),
        Option("-R, --leave-running", "the container goes on", kind="flag"),
        Option("--tcp-established", "also with open TCP connections, which the other side must keep", kind="flag"),
        Option("--file-locks", "also with locks that it has on files", kind="flag"),
    ),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-run -d --runtime runc --name job debian:bookworm sleep 60; ctr-checkpoint job | ctr-restore",
         "write it down, and let it go on"),
        ("ctr-run -d --runtime runc --name job debian:bookworm sleep 60; "
         "ctr-checkpoint --export - job | ctr-restore --name elsewhere --import -",
         "let it go on as another container, which may be another machine's"),
    ),
    see=("ctr-restore", "ctr-pause", "ctr-commit"),
)  # fmt: skip


def together(
    ctx: Context, args: Args, items: Iterable[str | dict[str, object] | Exception]
) -> Iterator[dict[str, object] | Exception]:
    """Writes containers down."""
    from ..containers import checkpointing
    from ..store.store import Store

    store = Store(ctx.root)
    options = [flag for flag, given in (("--tcp-established", args.tcp_established), ("--file-locks", args.file_locks))
               if given]  # fmt: skip

    def write_down(container: Container) -> Container:
        return checkpointing.checkpoint(ctx, store, container, leave_running=args.leave_running, options=options)

    if args.export is None:
        return checkpointing.each(ctx, store, items, write_down)
    if args.export == "-" and ctx.stdout.isatty():
        raise UsageError("standard output", "is a terminal", "name a file, or pipe the archive on")
    wanted = list(items)
    if len(wanted) != 1:
        raise UsageError("--export", f"is for one container, not for {len(wanted)}", "give each a file of its own")

    def export(container: Container) -> Container:
        from ..cli.output import write
        from ..containers import travelling
        from ..host import files

        found = write_down(container)
        if args.export == "-":
            for chunk in travelling.archive(ctx, store, found):
                write(ctx.stdout, chunk)
        else:
            with files.output(args.export) as fd:
                for chunk in travelling.archive(ctx, store, found):
                    files.write_all(fd, chunk, args.export)
        return found

    results = checkpointing.each(ctx, store, wanted, export)
    return results if args.export != "-" else (one for one in results if isinstance(one, Exception))
