"""img-history: how an image was made."""

from __future__ import annotations

from ..cli.declare import Command, Operand
from ..cli.options import PLATFORM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-history",
    "show how an image was made, step by step",
    description="Prints a document for each step of the image's history, the newest first: when and by what it was "
    "made, and the digest and size of the layer that it made, compressed as it is stored. A step that only changed the "
    "config has no layer. Of an index, the image for this host's platform is shown.",
    operands=(Operand("REF", "image by reference, digest or a digest's beginning", required=False, many=True),),
    options=(PLATFORM,),
    objects="ref",
    reads="descriptor",
    writes="history",
    examples=(
        ("img-history debian:bookworm", "the steps that an image was made in"),
        ("img-history debian:bookworm | jq -s 'map(.size) | add'", "the size of its layers together"),
    ),
    see=("img-inspect", "img-ls"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> Iterator[dict[str, object]]:
    """Shows one image's history."""
    from oci_spec.platform import Platform

    from ..images.history import history
    from ..images.local import choose_manifest, find
    from ..store.store import Store

    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    store = Store(ctx.root)
    return history(store, choose_manifest(store, find(store, item), platform))
