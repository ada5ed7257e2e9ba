"""From an image config and what the user asked for to a runtime-spec config.json. Pure: the host's facts come in.

The defaults are Docker's: its 14 capabilities, masked and read-only paths, a private view of processes, host name, IPC
and mounts, and a network of its own with nothing but loopback unless another is asked for.
"""

from __future__ import annotations

from ..errors import Unsupported, UsageError
from . import confinement, namespaces, placement, resources
from .oci import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

    from .inputs import Host, Options
    from .users import User

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_CAPABILITIES = tuple(
    f"CAP_{name}"
    for name in (
        "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID "
        "SETPCAP SETUID SYS_CHROOT"
    ).split()
)
ALL_CAPABILITIES = tuple(
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
        "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT "
        "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE "
        "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ "
        "PERFMON BPF CHECKPOINT_RESTORE"
    ).split()
)
"""By the kernel's number (capability.h): number n is the n-th."""
STEERING = ("bundle", "io.kubernetes.", "module.wasm.image/", "org.criu.", "org.systemd.property.", "run.oci.")
"""How annotations begin that runtimes obey (potentiallyUnsafeConfigAnnotations in runtime-spec 1.2, features.md)."""
_SAFE_SYSCTLS = {
    "ipc": ("fs.mqueue.", "kernel.msg", "kernel.sem", "kernel.shm"),
    "network": ("net.",),
    "uts": ("kernel.domainname",),
}
_OPEN_PORTS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
"""In a network of its own, any user of a container may listen on any port, and ping, as with docker."""


def process_args(config: ImageConfig, options: Options) -> list[str]:
    """Entrypoint and command as docker joins them: an --entrypoint drops the image's command. Raises UsageError."""
    if options.entrypoint is not None:
        entrypoint = [options.entrypoint] if options.entrypoint else []
        command = options.command
    else:
        entrypoint = config.entrypoint or []
        command = options.command or (config.cmd or [])
    args = [*entrypoint, *command]
    if not args:
        raise UsageError("command", "neither the image nor the command line names one", "add a command after the image")
    return args


def environment(variables: list[str], user: User, options: Options) -> list[str]:
    """`variables` (image's and user's, merged) with the defaults for what neither names: PATH, HOSTNAME, HOME, TERM."""
    names = {one.partition("=")[0] for one in variables}
    found = list(variables)
    defaults = {"PATH": DEFAULT_PATH.partition("=")[2], "HOME": user.home}
    if options.hostname:
        defaults["HOSTNAME"] = options.hostname
    if options.terminal:
        defaults["TERM"] = "xterm"
    found[:0] = [f"{name}={value}" for name, value in defaults.items() if name not in names]
    return found


def capabilities(options: Options, bounding: frozenset[str]) -> list[str]:
    """The process's capabilities after --privileged, --cap-add and --cap-drop. Raises UsageError, Unsupported."""
    added, dropped = _named(options.cap_add, "--cap-add"), _named(options.cap_drop, "--cap-drop")
    if options.privileged or "ALL" in added:
        found = set(ALL_CAPABILITIES) & bounding
    else:
        found = set() if "ALL" in dropped else set(DEFAULT_CAPABILITIES) & bounding
    wanted = {one for one in added if one != "ALL"}
    for one in sorted(wanted - bounding):
        raise Unsupported(f"--cap-add {one}", "this host cannot give it: we don't have it", "run where we do")
    found = (found | wanted) - {one for one in dropped if one != "ALL"}
    return [one for one in ALL_CAPABILITIES if one in found]


def _named(words: list[str], option: str) -> list[str]:
    found = []
    for word in words:
        name = word.upper()
        if name != "ALL" and not name.startswith("CAP_"):
            name = f"CAP_{name}"
        if name != "ALL" and name not in ALL_CAPABILITIES:
            raise UsageError(f"{option} {word}", "is no capability", "see capabilities(7)")
        found.append(name)
    return found


def runtime_config(
    container_id: str, args: list[str], env: list[str], cwd: str, user: User, options: Options, host: Host, files: str
) -> Document:
    """config.json for a container. `files` is the directory with its hosts, hostname and resolv.conf, '' for none.

    With a `container_id` of '' it is a bundle's: the runtime chooses the cgroup by the name that it is run under.
    """
    granted = capabilities(options, host.bounding)
    effective = granted if user.uid == 0 else []
    groups = list(dict.fromkeys((user.gid, *user.additional, *options.given_groups)))
    process: Document = {
        "terminal": options.terminal,
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": groups},
        "args": args,
        "env": env,
        "cwd": cwd,
        "capabilities": {"bounding": granted, "effective": effective, "permitted": effective},
        **confinement.process_fields(container_id, options, host),
    }
    if options.console_size is not None and options.console_size.lines:  # else the process may see it too late
        process["consoleSize"] = {"height": options.console_size.lines, "width": options.console_size.columns}
    if options.oom_score_adj is not None:
        process["oomScoreAdj"] = options.oom_score_adj
    limits = {str(one["type"]): one for one in (host.open_files, *options.ulimits) if one is not None}
    if limits:
        process["rlimits"] = list(limits.values())
    config: Document = {
        "ociVersion": VERSION,
        "process": process,
        "root": {"path": "rootfs", "readonly": options.read_only},
        **({"hostname": options.hostname} if options.hostname and "uts" not in options.hosts else {}),
        "mounts": placement.mounts(options, host, files),
        **({"hooks": options.hooks} if options.hooks else {}),
        "annotations": options.annotations,
        "linux": _linux(container_id, granted, options, host, files),
    }
    return config


def _linux(container_id: str, granted: list[str], options: Options, host: Host, files: str) -> Document:
    found: Document = {
        "namespaces": namespaces.namespaces(options, host, files),
        "resources": resources.resources(options, host),
    }
    if host.cgroup_version and container_id:
        found["cgroupsPath"] = (
            f"{options.cgroup_parent or 'system.slice'}:ocipipe:{container_id}"
            if host.systemd
            else f"{options.cgroup_parent or '/ocipipe'}/{container_id}"
        )
    if options.devices:
        found["devices"] = options.devices
    sysctls = _sysctls(options)
    if sysctls:
        found["sysctl"] = sysctls
    found.update(confinement.linux_fields(container_id, frozenset(granted), options, host))
    propagation = {word for mount in options.mounts for word in mount.options}
    if propagation & {"shared", "rshared"}:
        found["rootfsPropagation"] = "shared"
    elif propagation & {"slave", "rslave"}:
        found["rootfsPropagation"] = "slave"
    return found


def _sysctls(options: Options) -> dict[str, str]:
    own = {"kernel.domainname": options.domain_name} if options.domain_name else {}
    if options.network != "host" and "network" not in options.joins:
        own |= _OPEN_PORTS
    for name in options.sysctls:
        if name == "kernel.hostname":
            raise UsageError(f"--sysctl {name}", "is what --hostname sets", "use --hostname")
        space = next((kind for kind, names in _SAFE_SYSCTLS.items() if name.startswith(names)), None)
        if space is None:
            raise UsageError(f"--sysctl {name}", "is not of a namespace, it would change the host", "leave it out")
        if space == "network" and options.network == "host":
            raise UsageError(f"--sysctl {name}", "would change the host's network", "leave out --network host")
        if space in options.hosts or space in options.joins:
            whose = "the host" if space in options.hosts else "another container"
            raise UsageError(f"--sysctl {name}", f"would change {whose}", f"leave --{space} out")
    return {**own, **options.sysctls}
