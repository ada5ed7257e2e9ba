"""ctr-create: a container, made and not started."""

from __future__ import annotations

from ..cli.container_options import CONTAINER
from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-create",
    "make a container without starting it",
    description="Makes a container from IMAGE, which is pulled when it is missing, and prints it: ctr-start starts it. "
    "With - as IMAGE, stdin has the image's descriptor, or what ctr-inspect prints of a container: then it is made "
    "again as that document says, edited or not, with an id and a time of its own. --rootfs and "
    "--userns are told of in ctr-run(1).",
    operands=(
        Operand("IMAGE", "image by reference or digest, or - for a descriptor or a whole container on stdin"),
        Operand("COMMAND", "command and its arguments, instead of the image's", required=False, many=True),
    ),
    options=CONTAINER,
    reads="descriptor or container-inspect",
    writes="container",
    verbatim=True,
    examples=(
        ("ctr-create --name web debian:bookworm sleep 60 | ctr-start", "make it, then start it"),
        (
            "ctr-inspect web | jq '.config.process.env += [\"DEBUG=1\"]' | ctr-create --name web2 -",
            "make it once more, changed",
        ),
    ),
    see=("ctr-start", "ctr-run", "ctr-inspect"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Makes one container."""
    from ..cli import jsonio
    from ..cli.options import given
    from ..containers import ending, making
    from ..errors import UsageError
    from ..runtime import state
    from ..store.store import Store

    item = jsonio.one(ctx.stdin, "image") if args.image == "-" and not args.rootfs else args.image
    store = Store(ctx.root).prepare()
    if isinstance(item, dict) and "config" in item and "record" in item:
        others = [flag for flag in given(COMMAND, args) if flag not in making.AGAIN]
        if others or args.command:
            raise UsageError(
                others[0] if others else args.command[0], "what the container is like is in the document",
                f"edit that; beside it go {', '.join(making.AGAIN)}",
            )  # fmt: skip
        container = making.again(ctx, store, args, item)
    else:
        container, _ = making.make(ctx, store, args, item, None, monitored=True)
    ending.unmount(store, container)
    store.containers.keep(container)
    return state.document(container, state.Observed("created"))
