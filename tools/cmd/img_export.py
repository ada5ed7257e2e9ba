"""img-export: an image's file system as one archive."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import PLATFORM
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-export",
    "write an image's file system as one tar archive",
    description="Writes what a container of the image would see, all layers merged, as a tar archive to stdout; or to "
    "a file, which appears when it is whole, and then prints the image's descriptor. Owners, modes, times, extended "
    "attributes, device nodes and hard links are kept. The image's config is not in it, see img-save for that.",
    operands=(Operand("REF", "image by reference, digest or a digest's beginning", required=False),),
    options=(PLATFORM, Option("-o, --output", "write the archive to this file", metavar="FILE")),
    reads="descriptor",
    writes="descriptor",
    examples=(
        ("img-export debian:bookworm | tar -t", "list every file of an image"),
        ("img-export debian:bookworm | img-import - flat:1", "make one layer of all"),
    ),
    see=("img-import", "img-save", "ctr-unpack"),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]] | int:
    """Exports the image."""
    from oci_spec.platform import Platform

    from ..cli.jsonio import one
    from ..images.export import export
    from ..store.store import Store

    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    if not args.output and ctx.stdout.isatty():
        raise UsageError("standard output", "is a terminal", "name a file with -o, or pipe the archive on")
    store = Store(ctx.root)
    item = one(ctx.stdin, "image") if args.ref in (None, "-") else args.ref
    if not args.output:
        from ..cli.output import write

        export(store, item, platform, lambda data: write(ctx.stdout, data))
        return 0
    from ..host.files import output, write_all

    with output(args.output) as fd:
        return [export(store, item, platform, lambda data: write_all(fd, data)).document]
