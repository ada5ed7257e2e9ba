"""vol-export: a volume's files as one archive."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import Conflict, Corrupt, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-export",
    "write a volume's files as one tar archive",
    description="Writes all files of a volume as a tar archive to stdout; or to a file, which appears when it is "
    "whole, and then prints the volume's document. Owners, modes, times, extended attributes, device nodes, hard links "
    "and holes are kept, and the same files make the same archive. Stop what writes to the volume meanwhile: a file "
    "that shrinks under the reader ends the export.",
    operands=(Operand("NAME", "volume", required=False),),
    options=(Option("-o, --output", "write the archive to this file", metavar="FILE"),),
    reads="volume",
    writes="volume",
    examples=(
        ("vol-create data; vol-export data | gzip > data.tar.gz", "a backup"),
        ("vol-create data; vol-export data | vol-import --root other data", "into another store"),
    ),
    see=("vol-import", "vol-clone"),
)


def run(ctx: Context, args: Args) -> dict[str, object] | int:
    """Exports the volume."""
    from ..cli.jsonio import one
    from ..layers.tree import archive
    from ..store.store import Store
    from ..volume.describe import describe, name_of
    from ..volume.mount import reading

    if not args.output and ctx.stdout.isatty():
        raise UsageError("standard output", "is a terminal", "name a file with -o, or pipe the archive on")
    name = name_of(one(ctx.stdin, "volume") if args.name in (None, "-") else args.name)
    with reading(Store(ctx.root), name, ctx.env) as volume:
        try:
            if not args.output:
                from ..cli.output import write

                for chunk in archive(volume.data):
                    write(ctx.stdout, chunk)
                return 0
            from ..host.files import output, write_all

            with output(args.output) as fd:
                for chunk in archive(volume.data):
                    write_all(fd, chunk)
        except Corrupt as error:
            raise Conflict(error.subject, error.problem, "stop what writes to the volume, and try again") from None
    return describe(volume)
