"""vol-inspect: a volume's document."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-inspect",
    "show what is known of volumes",
    description="Prints the document of each volume: a mount of the runtime-spec without its destination, its name, "
    "driver, labels and time of creation, where its files are on this host, and the containers that use it.",
    operands=(Operand("NAME", "volume", required=False, many=True),),
    objects="name",
    reads="volume",
    writes="volume",
    examples=(("vol-create data | vol-inspect", "a volume that was just made"),),
    see=("vol-ls", "vol-create"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:  # noqa: ARG001
    """Shows one volume."""
    from ..store.store import Store
    from ..volume.describe import name_of, used

    volumes = Store(ctx.root).volumes
    volume = volumes.load(name_of(item))
    return used(volume, volumes.users(volume.name))
