"""img-push: store to registry."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import JOBS, PLATFORM, REGISTRY
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-push",
    "push an image from the store to a registry",
    description="With SOURCE and DEST, pushes the image SOURCE of the store as DEST; with DEST alone, reads the "
    "image's descriptor from stdin. Blobs that the registry has are not sent, blobs of another repository of it are "
    "mounted, and a manifest is sent only after all that it names. Prints the descriptor under its new name.",
    operands=(
        Operand("SOURCE", "image in the store; left out, a descriptor is read from stdin", required=False),
        Operand("DEST", "reference to push to", required=False),
    ),
    options=(
        PLATFORM,
        Option("--all-platforms", "push a whole index, not one platform of it", kind="flag"),
        Option("--force-compression", "send every layer under this compression", choices=("gzip", "zstd")),
        JOBS,
        *REGISTRY,
    ),
    reads="descriptor",
    writes="descriptor",
    examples=(
        ("img-pull debian:bookworm | img-push mirror/debian:bookworm", "mirror an image"),
        ("img-push debian:bookworm mirror/debian:again", "push an image that is in the store"),
    ),
    see=("img-pull", "img-tag", "reg-login"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Pushes one image."""
    from oci_spec.platform import Platform

    from ..cli.jsonio import one
    from ..images.local import find
    from ..images.push import PushOptions, push
    from ..registry.remote import Access
    from ..store.store import Store

    if args.source is None:
        raise UsageError("DEST", "is missing", "write img-push SOURCE DEST, or pipe a descriptor into img-push DEST")
    if args.jobs < 1:
        raise UsageError("--jobs", f"{args.jobs} is too few", "give 1 or more")
    options = PushOptions(
        Access.of(args),
        platform=Platform.parse(args.platform, "--platform") if args.platform else None,
        all_platforms=args.all_platforms,
        compression=args.force_compression,
        jobs=args.jobs,
    )
    store = Store(ctx.root)
    source, dest = (args.source, args.dest) if args.dest else ("-", args.source)
    yield push(ctx, store, find(store, one(ctx.stdin, "image") if source == "-" else source), dest, options).document
