"""The options that make a container what it is, declared once for every command that makes one."""

from __future__ import annotations

from .declare import Option
from .options import PLATFORM, PULL, REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .declare import Args

CONTAINER = (
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
    Option("--group-add", "a group beside the user's own, by name or number", metavar="GROUP", many=True),
    Option("--dns", "name server, instead of the network's", metavar="ADDRESS", many=True),
    Option("--dns-search", "domain in which names are looked up; . for none", metavar="DOMAIN", many=True),
    Option("--dns-option", "option of resolv.conf, like ndots:2", metavar="OPTION", many=True),
    Option("--add-host", "a line in /etc/hosts; host-gateway is this host", metavar="NAME:ADDRESS", many=True),
    Option(
        "--link",
        "know a running container that is on one of its networks by its name, and by another one here",
        metavar="CONTAINER[:NAME]",
        many=True,
    ),
    Option("--domainname", "NIS domain name", metavar="NAME"),
    Option("--pid", "whose processes it sees: private, host or container:NAME", metavar="MODE"),
    Option("--ipc", "private, shareable, none (no /dev/shm), host or container:NAME", metavar="MODE"),
    Option("--uts", "whose host name it has: private or host", metavar="MODE"),
    Option(
        "--userns",
        "whose users it has: host, container:NAME, or its own, which stand for others of the host: private (65536), or "
        "auto[:size=COUNT], as few as the image needs; from the lines of the user containers in /etc/subuid and subgid",
        metavar="MODE",
    ),
    Option("--uidmap", "which users of the host its own stand for", metavar="CONTAINER:HOST[:COUNT]", many=True),
    Option("--gidmap", "the same for groups (default: as --uidmap)", metavar="CONTAINER:HOST[:COUNT]", many=True),
    Option("--cgroupns", "whose cgroups it sees (default: private on version 2)", choices=("host", "private")),
    Option(
        "-v, --volume",
        "mount a volume, by its name, or a host path (/x or ./x), either made when missing; without SOURCE, a new "
        "volume; OPTIONS are ro, rro (also what is mounted below), noexec, nosuid, nodev, z, Z, a propagation like "
        "rslave, and of volumes nocopy and idmap=uids=STORED-SEEN-COUNT#…;gids=…, whose their files are seen to be; "
        "with --userns, of host paths idmap, or they keep the host's owners, which volumes do not",
        metavar="[SOURCE:]DEST[:OPTIONS]",
        many=True,
    ),
    Option(
        "--mount",
        "mount: type=volume|bind|tmpfs|image,source=…,destination=…[,readonly]; of a volume or an image a part with "
        "volume-subpath or image-subpath; what is mounted below a bind mount with bind-recursive=enabled, disabled, or "
        "of one that is readonly writable or readonly; its SELinux label with relabel=shared (z) or private (Z)",
        metavar="SPEC",
        many=True,
    ),
    Option("--volumes-from", "mount what another container has", metavar="CONTAINER[:ro]", many=True),
    Option("--tmpfs", "mount a file system in memory", metavar="DEST[:OPTIONS]", many=True),
    Option(
        "--network",
        "network to be on, as NAME or NAME:alias=db,ip=10.91.0.9,mac=…; or none, host, container:NAME (default: "
        "$OCIPIPE_NETWORK, or ocipipe, the network that is there without being made)",
        metavar="NETWORK",
        many=True,
    ),
    Option("--network-alias", "a name on its networks beside its own", metavar="NAME", many=True),
    Option("--ip", "its IPv4 address, on its one network", metavar="ADDRESS"),
    Option("--ip6", "its IPv6 address", metavar="ADDRESS"),
    Option("--link-local-ip", "an address that it has there alone, like 169.254.7.7", metavar="ADDRESS", many=True),
    Option("--mac-address", "its hardware address", metavar="ADDRESS"),
    Option(
        "-p, --publish",
        "publish a port of it on the host",
        metavar="[[IP:][PORT]:]PORT[/PROTOCOL]",
        many=True,
    ),
    Option("-P, --publish-all", "publish every port that the image or --expose exposes, on free ones", kind="flag"),
    Option("--expose", "a port of it for -P, or a range", metavar="PORT[/PROTOCOL]", many=True),
    Option("--rootfs", "IMAGE is a directory, changed in place as the root; DIR:O keeps it as it is", kind="flag"),
    Option("--read-only", "the container's root is read-only", kind="flag"),
    Option("--memory", "memory limit, like 512m", kind="bytes"),
    Option("--memory-swap", "limit of memory and swap together; -1 for none", kind="bytes"),
    Option("--memory-reservation", "memory it keeps when the host runs short, like 256m", kind="bytes"),
    Option("--memory-swappiness", "how readily it is swapped out, 0 to 100 (cgroup version 1)", kind="integer"),
    Option("--kernel-memory", "refused: Linux has no such limit any more", kind="bytes"),
    Option("--oom-kill-disable", "it waits instead of being killed at --memory (cgroup version 1)", kind="flag"),
    Option("--oom-score-adj", "whom the kernel kills first, -1000 to 1000", kind="integer"),
    Option("--cpus", "how many processors it may use, like 1.5", kind="number"),
    Option("--cpu-period", "period of --cpu-quota in microseconds (the kernel's is 100000)", kind="integer"),
    Option("--cpu-quota", "microseconds of processor in each period; -1 for no limit", kind="integer"),
    Option("--cpu-rt-period", "period of realtime processes in microseconds (cgroup version 1)", kind="integer"),
    Option("--cpu-rt-runtime", "microseconds of realtime in each of their periods", kind="integer"),
    Option("--cpu-shares", "weight among containers (1024 is normal)", kind="integer"),
    Option("--cpuset-cpus", "processors it may run on, like 0-2,4", metavar="LIST"),
    Option("--cpuset-mems", "memory nodes it may use, like 0-1", metavar="LIST"),
    Option("--blkio-weight", "weight of its input and output among containers, 10 to 1000", kind="integer"),
    Option("--blkio-weight-device", "the same on one disk", metavar="DEVICE:WEIGHT", many=True),
    Option("--device-read-bps", "bytes a second that it may read", metavar="DEVICE:RATE", many=True),
    Option("--device-write-bps", "bytes a second that it may write", metavar="DEVICE:RATE", many=True),
    Option("--device-read-iops", "reads a second", metavar="DEVICE:RATE", many=True),
    Option("--device-write-iops", "writes a second", metavar="DEVICE:RATE", many=True),
    Option("--storage-opt", "refused: the store has no quotas", metavar="KEY=VALUE", many=True),
    Option("--cgroup-parent", "cgroup that its own is made in (systemd's: a slice)", metavar="PATH"),
    Option("--pids-limit", "how many processes and threads it may have; -1 for no limit", kind="integer"),
    Option("--ulimit", "resource limit", metavar="NAME=SOFT[:HARD]", many=True),
    Option("--cap-add", "add a capability, or ALL", metavar="CAPABILITY", many=True),
    Option("--cap-drop", "drop a capability, or ALL", metavar="CAPABILITY", many=True),
    Option(
        "--security-opt",
        "no-new-privileges, seccomp=, apparmor=, label=, mask= or unmask=",
        metavar="OPTION",
        many=True,
    ),
    Option("--privileged", "every capability and device, no seccomp profile, nothing masked", kind="flag"),
    Option(
        "--device",
        "give a host device, or one that a vendor describes (CDI: vendor.com/class=name)",
        metavar="SOURCE[:DEST][:rwm]",
        many=True,
    ),
    Option("--gpus", "give NVIDIA's: all, a number, or device=0,1 (CDI: nvidia.com/gpu)", metavar="GPUS", many=True),
    Option("--device-cgroup-rule", "let it use devices: 'c 10:200 rwm', * for all", metavar="RULE", many=True),
    Option("--sysctl", "kernel parameter of the container's namespaces", metavar="NAME=VALUE", many=True),
    Option("--shm-size", "size of /dev/shm (default: 64m)", kind="bytes"),
    Option("--init", "run an init that forwards signals and reaps processes", kind="flag"),
    Option("--label", "label of the container", metavar="KEY=VALUE", many=True),
    Option("--label-file", "labels from a file, one KEY=VALUE a line", metavar="FILE", many=True),
    Option("--annotation", "annotation for the runtime", metavar="KEY=VALUE", many=True),
    Option("--stop-signal", "signal that asks it to stop (default: the image's, or SIGTERM)", metavar="SIGNAL"),
    Option("--stop-timeout", "seconds until it is killed; -1 to wait without end (default: 10)", kind="integer"),
    Option("--timeout", "seconds after which it is killed, 0 for never", kind="integer"),
    Option(
        "--restart",
        "start it anew when it has ended: no, on-failure[:N], always or unless-stopped",
        metavar="POLICY",
    ),
    Option("--restart-delay", "wait so long each time (default: 100ms, doubling up to 1m)", metavar="DURATION"),
    Option(
        "--restart-window",
        "up so long, it counts as started well: the waits double from 100ms, and on-failure:N counts, anew (default: "
        "10s for the waits, never for the count)",
        metavar="DURATION",
    ),
    Option("--health-cmd", "command of the health check: for a shell, or a JSON list of words", metavar="COMMAND"),
    Option("--health-interval", "time between checks (default: the image's, or 30s)", metavar="DURATION"),
    Option("--health-timeout", "time a check may take (default: the image's, or 30s)", metavar="DURATION"),
    Option("--health-retries", "failures in a row that make it unhealthy (default: the image's, or 3)", kind="integer"),
    Option("--health-start-period", "time in which failures don't count (default: 0s)", metavar="DURATION"),
    Option("--health-start-interval", "time between checks in that period (default: 5s)", metavar="DURATION"),
    Option("--no-healthcheck", "no health check, whatever the image says", kind="flag"),
    Option(
        "--log-driver",
        "where the output goes (default: json)",
        choices=("json", "journald", "none", "passthrough"),
    ),
    Option("--log-opt", "max-size=10m, max-file=3, path=FILE; of journald tag=TEXT", metavar="KEY=VALUE", many=True),
    PULL,
    PLATFORM,
    Option("--isolation", "default; others are of Windows containers, and refused", metavar="KIND"),
    Option("--runtime", "OCI runtime to use, by name or path (default: crun or runc)", metavar="RUNTIME"),
    Option("--cidfile", "write the container's id to this new file", metavar="FILE"),
    Option("--config", "runtime-spec config.json, merged over ours (RFC 7386); - for stdin", metavar="FILE"),
    *REGISTRY,
)
"""What ctr-create and ctr-run take; runtime.request reads them."""


def arguments(words: Sequence[str]) -> Args:
    """The arguments of a ctr-create with these words, for a command that makes containers of its own accord. Raises
    UsageError."""
    from .declare import Args, Command, Operand
    from .parse import parse

    operands = (Operand("IMAGE", "image"), Operand("COMMAND", "command", required=False, many=True))
    return Args(parse(Command("ctr-create", "", operands=operands, options=CONTAINER, verbatim=True), words))


_CHANGEABLE = frozenset(
    "--memory --memory-swap --memory-reservation --cpus --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime "
    "--cpu-shares --cpuset-cpus --cpuset-mems --blkio-weight --pids-limit --restart "
    "--restart-delay --restart-window".split()
)
CHANGEABLE = tuple(option for option in CONTAINER if option.long in _CHANGEABLE)
"""What of it ctr-update can change; containers.updating takes them."""

ATTACHED = (
    Option("--detach-keys", "keys that leave it running, '' for none (default: ctrl-p,ctrl-q)", metavar="KEYS"),
    Option("--sig-proxy", "pass signals on to the process (default: true)", kind="flag", default=True),
)
"""How a command is attached to a container's streams; containers.attached takes them."""

EXEC = (
    Option("-i, --interactive", "the process reads our stdin (default: /dev/null)", kind="flag"),
    Option("-t, --tty", "give the process our terminal, which stdin must be, and its keys", kind="flag"),
    Option("-d, --detach", "leave it in the background; --tty: with a terminal that nobody sees", kind="flag"),
    Option("-e, --env", "set a variable; a bare NAME takes its value from here", metavar="NAME=VALUE", many=True),
    Option("--env-file", "variables from a file, one NAME=VALUE a line", metavar="FILE", many=True),
    Option("-w, --workdir", "working directory, which must be there (default: the container's)", metavar="DIR"),
    Option("-u, --user", "user and group, by name or number (default: the container's)", metavar="USER[:GROUP]"),
    Option("--privileged", "every capability", kind="flag"),
    Option("--detach-keys", "with --tty: keys that leave it running, like ctrl-p,ctrl-q (default: none)",
           metavar="KEYS"),
)  # fmt: skip
"""What one more process in a container is like; containers.executing takes them."""
