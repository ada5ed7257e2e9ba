"""ctr-unpack: an image as a bundle for any OCI runtime."""

from __future__ import annotations

from ..cli.declare import Command, Operand
from ..cli.options import PLATFORM, PULL, REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-unpack",
    "unpack an image into a runtime bundle",
    description="Writes DIR/rootfs, the image's files as one plain tree, and DIR/config.json, which runs its command "
    "with the defaults of ctr-run: a bundle that runc run and crun run take as it is. DIR appears whole or not at all; "
    "one that exists must be empty. The image is pulled when it is missing. Prints its descriptor.",
    operands=(
        Operand("IMAGE", "image by reference or digest, or - for a descriptor on stdin"),
        Operand("DIR", "the bundle's directory, new or empty"),
    ),
    options=(
        PULL,
        PLATFORM,
        *REGISTRY,
    ),
    reads="descriptor",
    writes="descriptor",
    examples=(
        ("ctr-unpack debian:bookworm bundle && jq .process.args bundle/config.json", "look at what would run"),
        ("img-pull debian:bookworm | ctr-unpack - bundle", "pull, then unpack"),
    ),
    see=("ctr-run", "img-pull"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Unpacks one image; its descriptor."""
    from oci_spec.platform import Platform

    from ..cli.jsonio import first
    from ..images.resolve import image_for_copy
    from ..layers.unpack import unpack_plain
    from ..registry.settings import Access
    from ..runtime import request
    from ..runtime.bundle import BundleBeside
    from ..store.store import Store

    store = Store(ctx.root).prepare()
    item = first(ctx.stdin, "image") if args.image == "-" else args.image
    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    with BundleBeside(args.dir) as bundle, store.leases.hold() as lease:
        entry, manifest, config = image_for_copy(
            ctx, store, item, lease, policy=args.pull, platform=platform, access=Access.of(args)
        )
        request.check_platform(config, platform, entry.name or str(entry.digest))
        unpack_plain(store, zip(manifest.layers, config.diff_ids, strict=True), bundle.rootfs)
        bundle.configure(config)
    return entry.document
