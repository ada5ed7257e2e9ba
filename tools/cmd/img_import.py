"""img-import: a tar archive as an image."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-import",
    "make an image of a tar archive of a file system",
    description="Reads a tar archive, plain or under gzip or zstd, from stdin or a file, makes it the one layer of a "
    "new image, and prints that image's descriptor. --change sets what a container of it runs, as instructions of a "
    "Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR. An "
    "archive that is broken or hostile is refused, and the store stays as it was.",
    operands=(
        Operand("FILE", "archive to read, - for stdin (the default)", required=False),
        Operand("NAME", "name of the new image; without one, it has its digest only", required=False),
    ),
    options=(
        Option("-c, --change", "instruction to apply to the config, like 'CMD [\"sh\"]'", many=True),
        Option("-m, --message", "comment for the image's history", metavar="TEXT", default=""),
        Option("--platform", "platform that the content is for (default: this host's)", metavar="OS/ARCH"),
    ),
    writes="descriptor",
    examples=(
        ("img-export debian:bookworm | img-import - flat:1", "make one layer of an image's"),
        ("tar -C /usr/share/doc -c . | img-import -c 'LABEL what=docs' - docs:1", "make an image of a directory"),
    ),
    see=("img-export", "img-load", "img-history"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Imports the archive."""
    import os

    from oci_spec import reference
    from oci_spec.platform import Platform

    from ..host.files import read_stream
    from ..images.from_tar import import_tar
    from ..store.store import Store

    name = reference.parse(args.name) if args.name else None
    if name is not None and name.digest:
        raise UsageError(args.name, "the digest follows from the content", "leave out @sha256:…")
    is_file = args.file not in (None, "-")
    if not is_file and ctx.stdin.isatty():
        raise UsageError("standard input", "is a terminal", "name an archive, or pipe one in")
    fd = os.open(args.file, os.O_RDONLY | os.O_CLOEXEC) if is_file else ctx.stdin.fileno()
    try:
        return import_tar(
            ctx,
            Store(ctx.root),
            read_stream(fd, args.file if is_file else "stdin"),
            args.file if is_file else "-",
            str(name or ""),
            change=args.change,
            message=args.message,
            platform=Platform.parse(args.platform, "--platform") if args.platform else None,
        ).document
    finally:
        if is_file:
            os.close(fd)
