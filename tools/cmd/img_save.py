"""img-save: images of the store into an archive."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-save",
    "save images of the store as one archive",
    description="Writes a tar archive of all the images to stdout; or to a file, which appears when it is whole, and "
    "then prints the images' descriptors. The archive is an OCI image layout with every manifest and blob as it is in "
    "the store, and the same images make the same bytes. Unless --format is oci, Docker's list of images stands beside "
    "the layout's, so that docker load, podman load and img-load all read it. An index is saved whole; Docker loads "
    "its image for this host's platform.",
    operands=(Operand("REF", "image by reference, digest or a digest's beginning", required=False, many=True),),
    options=(
        Option(
            "--format",
            "an archive that Docker loads as well (docker), or just an OCI layout (oci)",
            choices=("docker", "oci"),
            default="docker",
        ),
        Option("-o, --output", "write the archive to this file", metavar="FILE"),
        Option("--platform", "of an index, save only the image for this platform", metavar="OS/ARCH"),
    ),
    reads="descriptor",
    writes="descriptor",
    examples=(
        ("img-save debian:bookworm | gzip > debian.tar.gz", "keep an image in a file"),
        ("img-pull debian:bookworm | img-save -o debian.tar", "pull an image and save it"),
        ("img-save debian:bookworm | img-load --root other", "copy an image into another store"),
    ),
    see=("img-load", "img-push"),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]] | int:
    """Saves the images."""
    from oci_spec.platform import Platform

    from ..cli.jsonio import objects
    from ..cli.output import write
    from ..images.save import save
    from ..store.store import Store

    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    if not args.output and ctx.stdout.isatty():
        raise UsageError("standard output", "is a terminal", "name a file with -o, or pipe the archive on")
    store, items = Store(ctx.root), list(objects(args.ref, ctx.stdin, "image"))
    if not args.output:
        save(ctx, store, items, lambda data: write(ctx.stdout, data), format=args.format, platform=platform)
        return 0
    from ..host.files import output, write_all

    with output(args.output) as fd:
        saved = save(ctx, store, items, lambda data: write_all(fd, data), format=args.format, platform=platform)
    return [entry.document for entry in saved]
