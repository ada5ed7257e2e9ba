"""vol-rm: volumes out of the store."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-rm",
    "remove volumes with their files",
    description="Removes volumes and all that is in them. One that a container uses is refused, whether that runs or "
    "not. Where a volume only names what is mounted for its containers, like a directory of a server, the files there "
    "stay.",
    operands=(Operand("NAME", "volume", required=False, many=True),),
    options=(Option("-f, --force", "one that is not there is no error, nor is a damaged record", kind="flag"),),
    objects="name",
    reads="volume",
    writes="action",
    examples=(
        ("vol-create old; vol-rm old", "remove a volume"),
        ("vol-ls --filter label=stage=test | vol-rm", "remove all with a label"),
    ),
    see=("vol-prune", "vol-ls"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object] | None:
    """Removes one volume."""
    from ..store.store import Store
    from ..volume.describe import name_of
    from ..volume.remove import remove

    return remove(Store(ctx.root), name_of(item), force=args.force)
