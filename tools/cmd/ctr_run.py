"""ctr-run: a process in a new container, in the foreground."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import PLATFORM, REGISTRY

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
    options=(
        Option("--name", "name of the container (default: the first 12 digits of its id)"),
        Option("--rm", "remove the container when its process has ended", kind="flag"),
        Option("-i, --interactive", "the process reads our stdin (default: /dev/null)", kind="flag"),
        Option("-t, --tty", "give the process our terminal, which stdin must be, and its keys", kind="flag"),
        Option("-e, --env", "set a variable; a bare NAME takes its value from here", metavar="NAME=VALUE", many=True),
        Option("--env-file", "variables from a file, one NAME=VALUE a line", metavar="FILE", many=True),
        Option("-w, --workdir", "working directory, made when the image lacks it", metavar="DIR"),
        Option("-u, --user", "user and group, by name or number", metavar="USER[:GROUP]"),
        Option("--entrypoint", "command instead of the image's entrypoint and command", metavar="COMMAND"),
        Option("--hostname", "host name (default: the first 12 digits of the id)", metavar="NAME"),
        Option(
            "-v, --volume", "mount a host path, made when it is missing", metavar="SOURCE:DEST[:OPTIONS]", many=True
        ),
        Option("--mount", "mount: type=bind|tmpfs,source=…,destination=…[,readonly]", metavar="SPEC", many=True),
        Option("--tmpfs", "mount a file system in memory", metavar="DEST[:OPTIONS]", many=True),
        Option("--network", "none, or the host's", choices=("none", "host"), default="none"),
        Option("--read-only", "the container's root is read-only", kind="flag"),
        Option("--memory", "memory limit, like 512m", kind="bytes"),
        Option("--memory-swap", "limit of memory and swap together; -1 for none", kind="bytes"),
        Option("--cpus", "how many processors it may use, like 1.5", kind="number"),
        Option("--cpu-shares", "weight among containers (1024 is normal)", kind="integer"),
        Option("--cpuset-cpus", "processors it may run on, like 0-2,4", metavar="LIST"),
        Option("--pids-limit", "how many processes and threads it may have; -1 for no limit", kind="integer"),
        Option("--ulimit", "resource limit", metavar="NAME=SOFT[:HARD]", many=True),
        Option("--cap-add", "add a capability, or ALL", metavar="CAPABILITY", many=True),
        Option("--cap-drop", "drop a capability, or ALL", metavar="CAPABILITY", many=True),
        Option("--security-opt", "no-new-privileges, seccomp=FILE or seccomp=unconfined", metavar="OPTION", many=True),
        Option("--privileged", "every capability and device, no seccomp profile, nothing masked", kind="flag"),
        Option("--device", "give a host device", metavar="SOURCE[:DEST][:rwm]", many=True),
        Option("--sysctl", "kernel parameter of the container's namespaces", metavar="NAME=VALUE", many=True),
        Option("--shm-size", "size of /dev/shm (default: 64m)", kind="bytes"),
        Option("--init", "run an init that forwards signals and reaps processes", kind="flag"),
        Option("--label", "label of the container", metavar="KEY=VALUE", many=True),
        Option("--annotation", "annotation for the runtime", metavar="KEY=VALUE", many=True),
        Option("--stop-signal", "signal that asks it to stop (default: the image's, or SIGTERM)", metavar="SIGNAL"),
        Option(
            "--pull",
            "when to ask the registry: always, missing, newer or never",
            choices=("always", "missing", "newer", "never"),
            default="missing",
        ),
        PLATFORM,
        Option("--runtime", "OCI runtime to use, by name or path (default: crun or runc)", metavar="RUNTIME"),
        Option("--cidfile", "write the container's id to this new file", metavar="FILE"),
        Option("--config", "runtime-spec config.json, merged over ours (RFC 7386); - for stdin", metavar="FILE"),
        *REGISTRY,
    ),
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
