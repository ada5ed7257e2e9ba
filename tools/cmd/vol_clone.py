"""vol-clone: a volume's files as another volume."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-clone",
    "make a new volume with the files of another",
    description="Makes a volume with all the files and the labels of another one, and prints its document. Owners, "
    "modes, times, attributes, hard links and holes are kept; where the file system can share blocks, nothing is "
    "copied. It is a plain volume, whatever the other one is. Stop what writes to that one meanwhile.",
    operands=(
        Operand("SOURCE", "volume to take the files of"),
        Operand("NAME", "name of the new volume; without one, it is anonymous", required=False),
    ),
    options=(
        Option("--label", "label of the new volume, beside those of the other", metavar="KEY[=VALUE]", many=True),
    ),
    writes="volume",
    examples=(("vol-create data; vol-clone data data-before-upgrade", "keep a state to go back to"),),
    see=("vol-create", "vol-export", "vol-import"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Clones the volume."""
    from ..store.store import Store
    from ..volume.clone import clone
    from ..volume.create import pairs
    from ..volume.describe import describe

    labels = pairs(args.label, "--label")
    return describe(clone(ctx, Store(ctx.root), args.source, args.name or "", labels))
