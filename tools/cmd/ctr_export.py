"""ctr-export: a container's file system as one archive."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-export",
    "write a container's file system as one tar archive",
    description="Writes the root of a container, its image's layers and its own changes merged, as a tar archive to "
    "stdout; or to a file, which appears when it is whole, and then prints the container. It may be running. What "
    "volumes and other mounts hold is not in it. Owners, modes, times, extended attributes, device nodes and hard "
    "links are kept.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False),),
    options=(Option("-o, --output", "write the archive to this file", metavar="FILE"),),
    reads="container",
    writes="container",
    examples=(
        ("ctr-run --name job debian:bookworm touch /new; ctr-export job | tar -t", "list every file of a container"),
        ("ctr-run --name job debian:bookworm true; ctr-export job | img-import - flat:1", "make one layer of all"),
    ),
    see=("ctr-diff", "img-export", "img-import"),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]] | int:
    """Exports the container."""
    from ..cli.jsonio import one
    from ..containers import selecting
    from ..containers.export import export
    from ..store.store import Store

    if not args.output and ctx.stdout.isatty():
        raise UsageError("standard output", "is a terminal", "name a file with -o, or pipe the archive on")
    store = Store(ctx.root)
    item = one(ctx.stdin, "container") if args.container in (None, "-") else args.container
    container = selecting.find(store, item)
    chunks = export(ctx, store, container)
    if not args.output:
        from ..cli.output import write

        for chunk in chunks:
            write(ctx.stdout, chunk)
        return 0
    from ..host.files import output, write_all
    from ..runtime import state

    with output(args.output) as fd:
        for chunk in chunks:
            write_all(fd, chunk)
    return [state.document(container, state.observe(container, ctx.run_root, ctx.env))]
