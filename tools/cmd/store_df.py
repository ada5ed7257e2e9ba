"""store-df: what takes how much of the store."""

from __future__ import annotations

from ..cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "store-df",
    "show what takes how much of the store",
    description="Prints a document for each kind of thing: images, blobs that no image needs, unpacked layers, "
    "containers, volumes, partial downloads, leases and temporary files. Bytes are those on the disk. Shared is what "
    "more than one image needs; reclaimable is what no container and no running command uses, which store-prune "
    "--images --containers --volumes --partial takes away, but for volumes with a name, which vol-prune --all takes.",
    options=(Option("-v, --verbose", "a document for each image, container and volume instead", kind="flag"),),
    writes="usage",
    examples=(
        ("store-df", "a table on a terminal"),
        ("store-df | jq -s 'map(.reclaimable) | add'", "how much a prune of everything unused would free"),
        ("store-df -v | jq -r 'select(.active == 0).object.digest'", "images that no container uses"),
    ),
    see=("store-prune", "store-info", "img-ls"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Measures the store."""
    from ..store.store import Store
    from ..upkeep.usage import usage

    return usage(ctx, Store(ctx.root), each=args.verbose)
