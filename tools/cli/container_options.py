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
    Option("-i, --interactive", "the process reads this command's stdin (default: /dev/null)", kind="flag"),
    Option("-t, --tty", "give the process a terminal; in the foreground, stdin must be one, too", kind="flag"),
    Option("-e, --env", "set a variable; NAME alone takes the value that it has here", metavar="NAME=VALUE", many=True),
    Option("--env-file", "variables from a file, one NAME=VALUE a line", metavar="FILE", many=True),
    Option("-w, --workdir", "working directory, made where the image has none", metavar="DIR"),
    Option("-u, --user", "user and group, by name or number", metavar="USER[:GROUP]"),
    Option("--entrypoint", "what to run instead of the image's entrypoint and command", metavar="COMMAND"),
    Option("--hostname", "host name (default: the first 12 digits of the id)", metavar="NAME"),
    Option("--group-add", "one more group for the user, by name or number", metavar="GROUP", many=True),
    Option("--dns", "name server to use instead of the network's", metavar="ADDRESS", many=True),
    Option("--dns-search", "domain in which names are looked up; . for none", metavar="DOMAIN", many=True),
    Option("--dns-option", "option of resolv.conf, like ndots:2", metavar="OPTION", many=True),
    Option(
        "--add-host",
        "add a line to /etc/hosts; the address host-gateway is this host's",
        metavar="NAME:ADDRESS",
        many=True,
    ),
    Option(
        "--link",
        "let the container find another, on one of its networks, by that one's name and by NAME",
        metavar="CONTAINER[:NAME]",
        many=True,
    ),
    Option("--domainname", "NIS domain name", metavar="NAME"),
    Option("--pid", "PID namespace: private, host or container:NAME", metavar="MODE"),
    Option("--ipc", "IPC namespace: private, shareable, none (no /dev/shm), host or container:NAME", metavar="MODE"),
    Option("--uts", "UTS namespace, the host name: private or host", metavar="MODE"),
    Option(
        "--userns",
        "user namespace: host, container:NAME, or a new one: private (65536 ids), or auto[:size=COUNT] (as few as the "
        "image needs), of the ids that /etc/subuid and /etc/subgid give the user named containers",
        metavar="MODE",
    ),
    Option(
        "--uidmap",
        "map COUNT user ids of the container, from CONTAINER on, to the host's from HOST on",
        metavar="CONTAINER:HOST[:COUNT]",
        many=True,
    ),
    Option("--gidmap", "the same for group ids (default: as --uidmap)", metavar="CONTAINER:HOST[:COUNT]", many=True),
    Option("--cgroupns", "cgroup namespace (default: private with cgroup version 2)", choices=("host", "private")),
    Option(
        "-v, --volume",
        "mount a volume, by name, or a path of the host (/x or ./x); either is made when it is missing, and without"
        " SOURCE a new volume is. OPTIONS: ro, rro (ro for what is mounted below, too), noexec, nosuid, nodev, z, "
        "Z, a propagation like rslave. For volumes also nocopy, and idmap=uids=STORED-SEEN-COUNT#…;gids=…, which "
        "shows their files as others'. With --userns, files of a volume have the container's owners; those of a "
        "host path keep the host's, unless the option idmap is given",
        metavar="[SOURCE:]DEST[:OPTIONS]",
        many=True,
    ),
    Option(
        "--mount",
        "mount type=volume|bind|tmpfs|image,source=…,destination=…[,readonly]. volume-subpath and image-subpath mount "
        "a part. bind-recursive says what becomes of mounts below a bind mount: enabled, disabled, or with "
        "readonly also writable or readonly. relabel=shared (z) or private (Z) sets the SELinux label",
        metavar="SPEC",
        many=True,
    ),
    Option(
        "--volumes-from",
        "mount the volumes and host paths that another container has",
        metavar="CONTAINER[:ro]",
        many=True,
    ),
    Option("--tmpfs", "mount a file system in memory", metavar="DEST[:OPTIONS]", many=True),
    Option(
        "--network",
        "network to be on, as NAME or NAME:alias=db,ip=10.91.0.9,mac=…; or none, host, container:NAME (default: "
        "$OCIPIPE_NETWORK, or ocipipe, a network that need not be made first)",
        metavar="NETWORK",
        many=True,
    ),
    Option("--network-alias", "one more name of the container on its networks", metavar="NAME", many=True),
    Option("--ip", "IPv4 address of the container, which must be on one network only", metavar="ADDRESS"),
    Option("--ip6", "IPv6 address, likewise", metavar="ADDRESS"),
    Option("--link-local-ip", "link-local address on the network, like 169.254.7.7", metavar="ADDRESS", many=True),
    Option("--mac-address", "hardware (MAC) address of the container's interface", metavar="ADDRESS"),
    Option(
        "-p, --publish",
        "publish a port of the container on the host",
        metavar="[[IP:][PORT]:]PORT[/PROTOCOL]",
        many=True,
    ),
    Option(
        "-P, --publish-all",
        "publish every port that the image or --expose exposes, each on a free port of the host",
        kind="flag",
    ),
    Option("--expose", "expose a port, or a range of them, for -P to publish", metavar="PORT[/PROTOCOL]", many=True),
    Option(
        "--rootfs",
        "IMAGE is a directory that the container has as its root and changes; DIR:O keeps it as it is",
        kind="flag",
    ),
    Option("--read-only", "the container's root is read-only", kind="flag"),
    Option("--memory", "memory limit, like 512m", kind="bytes"),
    Option("--memory-swap", "limit of memory and swap together; -1 for none", kind="bytes"),
    Option("--memory-reservation", "memory that the container keeps when the host runs short, like 256m", kind="bytes"),
    Option("--memory-swappiness", "how readily its memory is swapped out, 0 to 100 (cgroup version 1)", kind="integer"),
    Option("--kernel-memory", "refused: Linux has no such limit any more", kind="bytes"),
    Option(
        "--oom-kill-disable",
        "at the limit of --memory, let processes wait instead of killing one (cgroup version 1)",
        kind="flag",
    ),
    Option(
        "--oom-score-adj",
        "how soon the kernel kills it when memory runs out: -1000 (never) to 1000 (first)",
        kind="integer",
    ),
    Option("--cpus", "how many processors to use at most, like 1.5", kind="number"),
    Option("--cpu-period", "period of --cpu-quota in microseconds (the kernel's is 100000)", kind="integer"),
    Option("--cpu-quota", "processor time in each --cpu-period, in microseconds; -1 for no limit", kind="integer"),
    Option("--cpu-rt-period", "period of realtime processes in microseconds (cgroup version 1)", kind="integer"),
    Option("--cpu-rt-runtime", "time of realtime processes in each --cpu-rt-period, in microseconds", kind="integer"),
    Option("--cpu-shares", "share of the processors, relative to other containers' (1024 is normal)", kind="integer"),
    Option("--cpuset-cpus", "processors to run on, like 0-2,4", metavar="LIST"),
    Option("--cpuset-mems", "NUMA nodes to take memory from, like 0-1", metavar="LIST"),
    Option(
        "--blkio-weight",
        "share of disk input and output, relative to other containers', 10 to 1000",
        kind="integer",
    ),
    Option("--blkio-weight-device", "the same on one disk", metavar="DEVICE:WEIGHT", many=True),
    Option("--device-read-bps", "bytes a second to read from a disk at most", metavar="DEVICE:RATE", many=True),
    Option("--device-write-bps", "bytes a second to write to a disk at most", metavar="DEVICE:RATE", many=True),
    Option("--device-read-iops", "reads a second from a disk at most", metavar="DEVICE:RATE", many=True),
    Option("--device-write-iops", "writes a second to a disk at most", metavar="DEVICE:RATE", many=True),
    Option("--storage-opt", "refused: the store has no quotas", metavar="KEY=VALUE", many=True),
    Option("--cgroup-parent", "cgroup to make the container's in (with systemd, a slice)", metavar="PATH"),
    Option("--pids-limit", "how many processes and threads there may be; -1 for no limit", kind="integer"),
    Option("--ulimit", "resource limit", metavar="NAME=SOFT[:HARD]", many=True),
    Option("--cap-add", "add a capability, or ALL", metavar="CAPABILITY", many=True),
    Option("--cap-drop", "drop a capability, or ALL", metavar="CAPABILITY", many=True),
    Option(
        "--security-opt",
        "one of no-new-privileges, seccomp=, apparmor=, label=, mask= and unmask=",
        metavar="OPTION",
        many=True,
    ),
    Option("--privileged", "every capability and device, no seccomp profile, nothing masked", kind="flag"),
    Option(
        "--device",
        "let the container use a device of the host, or one that a vendor describes (CDI: vendor.com/class=name)",
        metavar="SOURCE[:DEST][:rwm]",
        many=True,
    ),
    Option(
        "--gpus",
        "let the container use NVIDIA GPUs: all, a number, or device=0,1 (CDI: nvidia.com/gpu)",
        metavar="GPUS",
        many=True,
    ),
    Option(
        "--device-cgroup-rule",
        "allow the use of devices, like 'c 10:200 rwm'; * stands for all",
        metavar="RULE",
        many=True,
    ),
    Option("--sysctl", "kernel parameter of the container's namespaces", metavar="NAME=VALUE", many=True),
    Option("--shm-size", "size of /dev/shm (default: 64m)", kind="bytes"),
    Option(
        "--init",
        "run an init as the first process, which passes signals on and reaps ended processes",
        kind="flag",
    ),
    Option("--label", "label of the container", metavar="KEY[=VALUE]", many=True),
    Option("--label-file", "labels from a file, one KEY=VALUE a line", metavar="FILE", many=True),
    Option("--annotation", "annotation for the runtime", metavar="KEY=VALUE", many=True),
    Option(
        "--stop-signal",
        "signal that asks the container to stop (default: the image's, or SIGTERM)",
        metavar="SIGNAL",
    ),
    Option(
        "--stop-timeout",
        "seconds from the stop signal to SIGKILL; -1 to wait without end (default: 10)",
        kind="integer",
    ),
    Option("--timeout", "seconds that the container may run before it is killed; 0 for no limit", kind="integer"),
    Option(
        "--restart",
        "when to start the container again after its end: no, on-failure[:N], always or unless-stopped",
        metavar="POLICY",
    ),
    Option(
        "--restart-delay",
        "time to wait before each restart (default: 100ms, doubling up to 1m)",
        metavar="DURATION",
    ),
    Option(
        "--restart-window",
        "how long the container must run for the start to count as a success: then the waits begin at 100ms again, and "
        "on-failure:N counts from 0 (default: 10s for the waits, never for the count)",
        metavar="DURATION",
    ),
    Option(
        "--health-cmd",
        "command of the health check: a line for a shell, or a JSON list of words",
        metavar="COMMAND",
    ),
    Option("--health-interval", "time between checks (default: the image's, or 30s)", metavar="DURATION"),
    Option("--health-timeout", "time that a check may take (default: the image's, or 30s)", metavar="DURATION"),
    Option(
        "--health-retries",
        "failures in a row that make the container unhealthy (default: the image's, or 3)",
        kind="integer",
    ),
    Option(
        "--health-start-period",
        "time after a start in which failures don't count (default: the image's, or 0s)",
        metavar="DURATION",
    ),
    Option(
        "--health-start-interval",
        "time between checks within --health-start-period (default: the image's, or 5s)",
        metavar="DURATION",
    ),
    Option("--no-healthcheck", "no health check, whatever the image says", kind="flag"),
    Option(
        "--log-driver",
        "where the output goes (default: json)",
        choices=("json", "journald", "none", "passthrough"),
    ),
    Option(
        "--log-opt",
        "setting of the log driver: max-size=10m, max-file=3, path=FILE; of journald tag=TEXT",
        metavar="KEY=VALUE",
        many=True,
    ),
    PULL,
    PLATFORM,
    Option("--isolation", "only default: the others are of Windows containers, and refused", metavar="KIND"),
    Option("--runtime", "OCI runtime to use, by name or path (default: crun or runc)", metavar="RUNTIME"),
    Option("--cidfile", "write the container's id to this new file", metavar="FILE"),
    Option(
        "--config",
        "runtime-spec config, or parts of one, merged over ours as RFC 7386 says; - for stdin",
        metavar="FILE",
    ),
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
    Option(
        "--detach-keys",
        "keys that end the command and leave the container running, '' for none (default: ctrl-p,ctrl-q)",
        metavar="KEYS",
    ),
    Option("--sig-proxy", "pass signals on to the process (default: true)", kind="flag", default=True),
)
"""How a command is attached to a container's streams; containers.attached takes them."""

EXEC = (
    Option("-i, --interactive", "the process reads this command's stdin (default: /dev/null)", kind="flag"),
    Option("-t, --tty", "give the process a terminal; in the foreground, stdin must be one, too", kind="flag"),
    Option(
        "-d, --detach",
        "leave the process in the background; with --tty, its terminal is one that nobody sees",
        kind="flag",
    ),
    Option("-e, --env", "set a variable; NAME alone takes the value that it has here", metavar="NAME=VALUE", many=True),
    Option("--env-file", "variables from a file, one NAME=VALUE a line", metavar="FILE", many=True),
    Option("-w, --workdir", "working directory, which must be there (default: the container's)", metavar="DIR"),
    Option("-u, --user", "user and group, by name or number (default: the container's)", metavar="USER[:GROUP]"),
    Option("--privileged", "give the process every capability", kind="flag"),
    Option("--detach-keys", "with --tty: keys that end the command and leave the process running, like ctrl-p,ctrl-q "
           "(default: none)", metavar="KEYS"),
)  # fmt: skip
"""What one more process in a container is like; containers.executing takes them."""
