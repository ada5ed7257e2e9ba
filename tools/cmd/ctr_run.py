"""ctr-run: a process in a new container, in the foreground."""

from __future__ import annotations

from ..cli.container_options import CONTAINER
from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-run",
    "run a command in a new container",
    description="Makes a container from IMAGE, which is pulled when it is missing, and runs its command in it, in the "
    "foreground, with this command's standard streams. The exit status is the process's own. With - as IMAGE, the "
    "image's descriptor is read from stdin, one line and no byte more; what follows is the process's with -i.",
    operands=(
        Operand("IMAGE", "image by reference or digest, or - for a descriptor on stdin"),
        Operand("COMMAND", "command and its arguments, instead of the image's", required=False, many=True),
    ),
    options=CONTAINER,
    reads="descriptor",
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
        ("echo hello | ctr-run --rm -i debian:bookworm tr a-z A-Z", "a process in the middle of a pipe"),
    ),
    see=("img-pull", "ctr-unpack"),
)


def run(ctx: Context, args: Args) -> int:
    """Runs one container; its process's exit status."""
    from oci_spec.platform import Platform

    from ..cli.jsonio import first
    from ..errors import UsageError
    from ..images.resolve import image_for_run
    from ..registry.settings import Access
    from ..store.store import Store

    if args.tty and not ctx.stdin.isatty():
        raise UsageError("--tty", "standard input is no terminal", "leave it out, or run from a terminal")
    if args.image == "-" and args.config == "-":
        raise UsageError("--config -", "stdin has the image's descriptor already", "name a file")
    store = Store(ctx.root).prepare()
    item = first(ctx.stdin, "image") if args.image == "-" else args.image
    patch = first(ctx.stdin, "runtime config") if args.config == "-" else None
    if isinstance(patch, str):
        raise UsageError("stdin", "holds a name where a runtime config is expected", "pipe a config.json")
    platform = Platform.parse(args.platform, "--platform") if args.platform else None
    with store.leases.hold() as lease:
        image = image_for_run(ctx, store, item, lease, policy=args.pull, platform=platform, access=Access.of(args))
        from ..runtime import request, session  # the larger part of our code, and no use without an image

        request.check_platform(image.config, platform, image.name or str(image.descriptor.digest))
        run = session.Session(ctx, store, args, image.descriptor, image.name, image.config, patch)
    return run.to_its_end(image.lowers)
