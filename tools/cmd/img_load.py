"""img-load: the images of an archive into the store."""

from __future__ import annotations

from ..cli.declare import Command, Option
from ..cli.options import JOBS
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-load",
    "load images from an archive into the store",
    description="Reads an archive of img-save, docker save or podman save, or any other tar archive of an OCI image "
    "layout, plain or under gzip or zstd, from stdin in one pass or from a file. Every blob is checked against its "
    "digest, layers are unpacked, and the images get the names that they have in the archive; their descriptors are "
    "printed. Of an archive with anything wrong nothing is loaded, and the store stays as it was.",
    options=(
        Option("-i, --input", "read this file instead of stdin", metavar="FILE"),
        Option("--platform", "of an index, load only the image for this platform", metavar="OS/ARCH"),
        Option("--no-unpack", "keep the blobs only; needs no root", kind="flag"),
        JOBS,
    ),
    writes="descriptor",
    examples=(
        ("img-save debian:bookworm | img-load --root other", "copy an image into another store"),
        ("img-save -o debian.tar debian:bookworm; img-load -i debian.tar", "load what was saved before"),
    ),
    see=("img-save", "img-pull"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Loads the archive."""
    import os

    from oci_spec.platform import Platform

    from ..images.load import LoadOptions, load
    from ..store.store import Store

    if args.jobs < 1:
        raise UsageError("--jobs", f"{args.jobs} is too few", "give 1 or more")
    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    options = LoadOptions(platform=platform, unpack=not args.no_unpack, jobs=args.jobs)
    if not args.input and ctx.stdin.isatty():
        raise UsageError("standard input", "is a terminal", "name an archive with -i, or pipe one in")
    fd = os.open(args.input, os.O_RDONLY | os.O_CLOEXEC) if args.input else ctx.stdin.fileno()
    try:
        loaded = load(ctx, Store(ctx.root), fd, args.input or "stdin", options)
    finally:
        if args.input:
            os.close(fd)
    return (entry.document for entry in loaded)
