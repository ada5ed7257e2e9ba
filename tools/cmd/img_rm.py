"""img-rm: names and images out of the store."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-rm",
    "remove images from the store",
    description="A reference loses its name (action untag); an image that has no name left is removed with all that no "
    "other image or container needs (action delete). A digest removes the image under all its names, which takes "
    "--force when there are several. An image that a container uses is refused.",
    operands=(Operand("REF", "image by reference, digest or a digest's beginning", required=False, many=True),),
    options=(
        Option("-f, --force", "remove an image with several names, or one that a stopped container uses", kind="flag"),
    ),
    objects="ref",
    reads="descriptor",
    writes="action",
    examples=(("img-rm debian:bookworm", "remove an image"),),
    see=("img-ls", "img-tag"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> Iterator[dict[str, object]]:
    """Removes one image or name."""
    from ..images.remove import remove
    from ..store.store import Store

    return remove(Store(ctx.root), item, force=args.force)
