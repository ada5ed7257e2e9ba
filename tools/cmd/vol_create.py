"""vol-create: a new volume."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-create",
    "create a volume",
    description="Makes a volume, a directory of files that outlives the containers that use it, and prints its "
    "document. When a volume of that name exists with the same settings, it is printed; with other settings, the "
    "command fails. Without NAME the volume is anonymous: its name is 64 random digits, and vol-prune removes it when "
    "no container uses it. With --opt, the volume is what type, device and o describe, mounted while a container uses "
    "it.",
    operands=(Operand("NAME", "name of the volume: two or more letters, digits, _ . and -", required=False),),
    options=(
        Option("-d, --driver", "driver of the volume; there is only local", default="local"),
        Option(
            "-o, --opt",
            "what to mount: type=, device= and o=, as mount(8) takes them",
            metavar="KEY=VALUE",
            many=True,
        ),
        Option("--label", "label of the volume", metavar="KEY[=VALUE]", many=True),
    ),
    writes="volume",
    examples=(
        ("vol-create data", "a volume for a container's -v data:/var/lib/data"),
        ("vol-create --opt type=tmpfs --opt o=size=64m,mode=1777 scratch", "in memory, for as long as it is used"),
        ("vol-create | jq -r .mountpoint", "where the files of an anonymous one are"),
    ),
    see=("vol-ls", "vol-rm", "vol-import", "vol-clone"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Makes the volume."""
    from ..store.store import Store
    from ..volume.create import Settings, create, pairs
    from ..volume.describe import describe

    settings = Settings(args.driver, pairs(args.opt, "--opt"), pairs(args.label, "--label"))
    return describe(create(ctx, Store(ctx.root), args.name or "", settings))
