"""ctr-restore: containers that go on from where they were written down."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import PULL, REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-restore",
    "let containers go on from their checkpoint",
    description="Lets each container go on from where ctr-checkpoint wrote it down, with a new monitor; the checkpoint "
    "is removed then. One that runs is refused; where criu cannot restore it, its words are told, and container and "
    "checkpoint are as before. Prints each container.\n\n"
    "With --import, the container of an archive is made anew here, with an id of its own; its image is pulled when it "
    "is missing, and volumes that it names are made when they are. Where it cannot go on, nothing of it stays. An "
    "archive is trusted like a command line: it says what of this machine the container gets.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("-k, --keep", "keep the checkpoint, to go on from it again", kind="flag"),
        Option("-i, --import", "the container of an archive of ctr-checkpoint --export; - for stdin", metavar="FILE"),
        Option("-n, --name", "with --import: its name (default: the name that it had)"),
        Option("--runtime", "with --import: OCI runtime to use (default: the one that it had)", metavar="NAME"),
        PULL,
        *REGISTRY,
    ),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-run -d --runtime runc --name job debian:bookworm sleep 60; ctr-checkpoint job; ctr-restore --keep job",
         "let it go on, and keep where it was"),
        ("ctr-run -d --runtime runc --name job debian:bookworm sleep 60; "
         "ctr-checkpoint -e job.tar job; ctr-rm job; ctr-restore -i job.tar",
         "from an archive, which may be another machine's"),
    ),
    see=("ctr-checkpoint", "ctr-start"),
)  # fmt: skip


def together(
    ctx: Context, args: Args, items: Iterable[str | dict[str, object] | Exception]
) -> Iterator[dict[str, object] | Exception]:
    """Restores containers."""
    from ..cli.options import given
    from ..containers import checkpointing
    from ..errors import UsageError
    from ..store.store import Store

    store = Store(ctx.root)
    if args.import_ is None:
        others = [flag for flag in given(COMMAND, args) if flag != "--keep"]
        if others:
            raise UsageError(others[0], "goes with --import only", "the container is as it was made")
        return checkpointing.each(ctx, store, items, lambda one: checkpointing.restore(ctx, store, one, keep=args.keep))
    if args.container:
        raise UsageError("--import", "has its container from the archive", "name no other")
    return checkpointing.take_in(ctx, store.prepare(), args, args.import_)
