"""vol-ls: the volumes of the store."""

from __future__ import annotations

from ..cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-ls",
    "list the volumes of the store",
    description="Prints the document of each volume, in the order of their names: a mount of the runtime-spec without "
    "its destination, with name and labels. With --size, also what it takes on the disk and which containers use it.",
    options=(
        Option(
            "--filter",
            "only those that fit: label=KEY[=VALUE], label!=KEY[=VALUE], name=PATTERN, dangling=true|false",
            metavar="KEY=VALUE",
            many=True,
        ),
        Option("-s, --size", "measure each, and tell the containers that use it", kind="flag"),
    ),
    writes="volume",
    examples=(
        ("vol-ls", "list all volumes"),
        ("vol-ls --filter dangling=true -q", "names of those that no container uses"),
        ("vol-ls --size | jq -s 'map(.bytes) | add'", "what all of them take"),
    ),
    see=("vol-inspect", "vol-create", "vol-prune"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Lists the volumes."""
    from ..store.store import Store
    from ..upkeep.listing import volumes

    return volumes(Store(ctx.root), args.filter, size=args.size)
