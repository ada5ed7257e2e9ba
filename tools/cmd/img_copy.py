"""img-copy: an image from one place to another."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import JOBS, PLATFORM, REGISTRY
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-copy",
    "copy an image between registries, files and the store",
    description="SOURCE and DEST are each a reference, with or without docker:// before it, for an image in a "
    "registry; oci:DIR[:NAME], an OCI image layout; oci-archive:FILE[:NAME] and docker-archive:FILE[:REF], tar "
    "archives; dir:DIR, skopeo's directory of one image; or store:REF. Every byte is checked, nothing is converted, "
    "and all digests stay. Nothing goes through the store unless an archive is compressed or comes from a pipe. NAME "
    "may be left out of a source that holds one image, and of a destination. Prints the image's descriptor.",
    operands=(
        Operand("SOURCE", "where the image is"),
        Operand("DEST", "where it is copied to"),
    ),
    options=(
        PLATFORM,
        Option("--all-platforms", "copy a whole index with the images of every platform", kind="flag"),
        Option("--no-unpack", "into the store: keep the blobs only; needs no root", kind="flag"),
        JOBS,
        *REGISTRY,
    ),
    writes="descriptor",
    examples=(
        ("img-copy --all-platforms debian:bookworm registry.local/mirror/debian:bookworm", "mirror an index"),
        ("img-copy debian:bookworm oci:debian:bookworm", "keep an image as a layout"),
        ("img-copy store:debian:bookworm docker-archive:debian.tar:debian:bookworm", "write an archive for Docker"),
        ("img-copy debian:bookworm dir:debian && img-copy dir:debian store:other:1", "by way of a directory"),
    ),
    see=("img-pull", "img-push", "img-save", "img-load"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Copies the image."""
    from oci_spec.platform import Platform

    from ..images.copy import CopyOptions, copy
    from ..images.places import parse
    from ..registry.remote import Access
    from ..store.store import Store

    if args.jobs < 1:
        raise UsageError("--jobs", f"{args.jobs} is too few", "give 1 or more")
    options = CopyOptions(
        Access.of(args),
        platform=Platform.parse(args.platform, "--platform") if args.platform else None,
        all_platforms=args.all_platforms,
        unpack=not args.no_unpack,
        jobs=args.jobs,
    )
    return copy(ctx, Store(ctx.root), parse(args.source), parse(args.dest), options).document
