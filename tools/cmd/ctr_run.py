"""ctr-run: a process in a new container, in the foreground."""

from __future__ import annotations

from ..cli.container_options import ATTACHED, CONTAINER
from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-run",
    "run a command in a new container",
    description="Makes a container from IMAGE, which is pulled when it is missing, and runs its command in it, with "
    "this command's standard streams; the exit status is the process's own. With --detach it goes on in the "
    "background, and the container is printed. With - as IMAGE, the image's descriptor is read from stdin: one "
    "line and no byte more, so that with -i the process can read what follows.\n\n"
    "A monitor beside the container keeps its streams, log and exit status when this command is gone. With --rm in the "
    "foreground there is no monitor, unless --log-driver json, --detach-keys or --attach asks for one: the process is "
    "this command's own child, no keys detach it, and nothing is logged. Where this command's standard streams are "
    "pipes, such a process has them as its own; where they are files, or a terminal without --tty, it has pipes that "
    "lead to them. With --rm, in the foreground or not, the container's files are not synced to the disk: they need "
    "not outlast a power cut.\n\n"
    "With --rootfs, IMAGE is a directory of the host, which is the container's root. The container changes it in "
    "place; of DIR:O it changes nothing, as it writes to a layer of its own above the directory. The directory stays "
    "when the container is removed.\n\n"
    "With --userns, the container's user ids are not the host's: its root is an ordinary user of the host, with an id "
    "that nobody else has. Its files, and those of volumes, are still stored with the owners that the image gives "
    "them.",
    operands=(
        Operand("IMAGE", "image by reference or digest, or - for a descriptor on stdin"),
        Operand("COMMAND", "command and its arguments, instead of the image's", required=False, many=True),
    ),
    options=(
        Option("-d, --detach", "run it in the background, and print the container", kind="flag"),
        Option(
            "-a, --attach",
            "attach only this standard stream; what goes to another is only in the log (default: all)",
            choices=("stdin", "stdout", "stderr"),
            many=True,
        ),
        *ATTACHED,
        Option("--replace", "first remove the container that has this --name, even when it runs", kind="flag"),
        *CONTAINER,
    ),
    reads="descriptor",
    writes="container",
    verbatim=True,
    exits={
        125: "the container could not be made or started",
        126: "the command is there but cannot be executed",
        127: "the command is not found",
        128: "plus n: the process was ended by signal n",
    },
    examples=(
        ("ctr-run --rm debian:bookworm cat /etc/os-release", "run one command"),
        ("img-pull debian:bookworm | ctr-run --rm - true", "pull, then run"),
        ("ctr-run -d --name web debian:bookworm sleep 60", "in the background"),
        ("ctr-run --rm -v data:/data debian:bookworm touch /data/kept", "with a volume, which stays"),
        ("echo hello | ctr-run --rm -i debian:bookworm tr a-z A-Z", "a process in the middle of a pipe"),
    ),
    see=("ctr-create", "ctr-start", "ctr-stop", "ctr-rm", "img-pull"),
)


def run(ctx: Context, args: Args) -> int | dict[str, object]:
    """Runs one container: its process's exit status, or in the background its document."""
    from ..cli.jsonio import first
    from ..containers import making, running
    from ..errors import UsageError
    from ..store.store import Store

    if args.tty and not args.detach and not ctx.stdin.isatty():
        raise UsageError("--tty", "standard input is no terminal", "leave it out, or run from a terminal")
    if args.image == "-" and args.config == "-":
        raise UsageError("--config -", "stdin has the image's descriptor already", "name a file")
    store = Store(ctx.root).prepare()
    item = first(ctx.stdin, "image") if args.image == "-" and not args.rootfs else args.image
    patch = first(ctx.stdin, "runtime config") if args.config == "-" else None
    if isinstance(patch, str):
        raise UsageError("stdin", "holds a name where a runtime config is expected", "pipe a config.json")
    return running.run(ctx, store, args, lambda kept: making.make(ctx, store, args, item, patch, monitored=kept))
