"""img-ls: the images of the store."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-ls",
    "list the images of the store",
    description="Prints the descriptor of each image, newest first: on a terminal a table with name, digest, time of "
    "creation, size and platform. A reference without a tag lists all tags of its repository.",
    operands=(Operand("REF", "only these images or repositories", required=False, many=True),),
    writes="descriptor",
    examples=(
        ("img-ls", "list all images"),
        ("img-ls -q debian", "digests of the images of one repository"),
    ),
    see=("img-inspect", "img-pull", "img-rm"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Lists the images."""
    from ..images.listing import images
    from ..store.store import Store

    return (entry.document for entry in images(ctx, Store(ctx.root), args.ref))
