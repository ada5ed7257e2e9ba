"""ctr-checkpoint: the state of containers' processes, written down."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-checkpoint",
    "write down the state of running containers",
    description="Writes the processes of each container, with their memory and open files, into its directory, with "
    "criu; the container ends with that, and its restart policy does not apply. ctr-restore lets it go on from there, "
    "also after a reboot. Its files are not copied: its processes find what they are by then. A checkpoint "
    "takes the place of the one before. The OCI runtime must know criu: runc does, crun where it was built for it. "
    "Where criu cannot, the container goes on, and criu's words are told. Prints each container.",
    operands=(Operand("CONTAINER", "container by name, id or an id's beginning", required=False, many=True),),
    options=(
        Option("-R, --leave-running", "the container goes on", kind="flag"),
        Option("--tcp-established", "also with open TCP connections, which the other side must keep", kind="flag"),
        Option("--file-locks", "also with locks that it has on files", kind="flag"),
    ),
    objects="container",
    reads="container",
    writes="container",
    examples=(
        ("ctr-run -d --runtime runc --name job debian:bookworm sleep 60; ctr-checkpoint job | ctr-restore",
         "write it down, and let it go on"),
    ),
    see=("ctr-restore", "ctr-pause", "ctr-commit"),
)  # fmt: skip


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Writes one container down."""
    from ..containers import checkpointing, selecting
    from ..runtime import state
    from ..store.store import Store

    store = Store(ctx.root)
    options = [flag for flag, given in (("--tcp-established", args.tcp_established), ("--file-locks", args.file_locks))
               if given]  # fmt: skip
    found = checkpointing.checkpoint(
        ctx, store, selecting.find(store, item), leave_running=args.leave_running, options=options
    )
    return state.document(found, state.observe(found, ctx.run_root, ctx.env))
