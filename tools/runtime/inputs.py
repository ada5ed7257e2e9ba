"""What a container's config.json is made of, beside its image: the host's facts, and what was asked for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from oci_spec.jsondoc import Document

    from .options import Mount
    from .userns import Asked


class Host:
    """What the generator must know of the host. `machine` is uname's, `kernel` its version; `bounding`: the
    capabilities that we can hand on; `controllers`: the cgroup controllers that can limit; `knobs`: the rarer controls
    they have (host.cgroups); `apparmor`, `selinux`: whether these confine here; `x32`: as in host.kernel; `open_files`:
    the caller's own rlimit, which must be said because a runtime written in Go raises the soft one for what it starts.
    """

    def __init__(
        self,
        *,
        machine: str,
        kernel: tuple[int, int],
        cgroup_version: int,
        controllers: frozenset[str],
        limits_swap: bool,
        systemd: bool,
        bounding: frozenset[str],
        knobs: frozenset[str] = frozenset(),
        apparmor: bool = False,
        selinux: bool = False,
        x32: bool = False,
        open_files: Document | None = None,
    ) -> None:
        self.machine = machine
        self.kernel = kernel
        self.cgroup_version = cgroup_version
        self.controllers = controllers
        self.limits_swap = limits_swap
        self.systemd = systemd
        self.bounding = bounding
        self.knobs = knobs
        self.apparmor = apparmor
        self.selinux = selinux
        self.x32 = x32
        self.open_files = open_files


class Options:
    """What was asked for, parsed. Every field has the value that means: not asked for.

    hosts         kinds of namespaces that are the host's; joins: kind to the id of the container that has it
    shm           /dev/shm is private, shareable (mounted on the host), or none
    image_layers  of each image that is mounted: the chain IDs of its layers
    throttles     blockIO's throttle…Device lists, by their names; weights: its weightDevice
    given_mounts, given_groups, hooks  what devices need (see cdi), as runtime-spec has it
    """

    def __init__(self) -> None:
        self.command: list[str] = []
        self.entrypoint: str | None = None
        self.env: list[str] = []
        self.workdir: str | None = None
        self.hostname: str = ""
        self.terminal = False
        self.console_size: os.terminal_size | None = None
        self.mounts: list[Mount] = []
        self.image_layers: list[list[str]] = []
        self.network = "none"  # or `host`, `container:NAME`, or the path of a network namespace
        self.hosts: set[str] = set()
        self.joins: dict[str, str] = {}
        self.cgroup_namespace = False
        self.users: Asked | None = None
        self.shm = "private"
        self.domain_name = ""
        self.names: Document = {}
        self.groups: list[str] = []
        self.read_only = False
        self.memory: int | None = None
        self.memory_swap: int | None = None
        self.memory_reservation: int | None = None
        self.memory_swappiness: int | None = None
        self.oom_kill_disable = False
        self.oom_score_adj: int | None = None
        self.cpus: float | None = None
        self.cpu_period: int | None = None
        self.cpu_quota: int | None = None
        self.cpu_rt_period: int | None = None
        self.cpu_rt_runtime: int | None = None
        self.cpu_shares: int | None = None
        self.cpuset_cpus: str | None = None
        self.cpuset_mems: str | None = None
        self.blkio_weight: int | None = None
        self.throttles: dict[str, list[Document]] = {}
        self.weights: list[Document] = []
        self.pids_limit: int | None = None
        self.cgroup_parent = ""
        self.ulimits: list[Document] = []
        self.cap_add: list[str] = []
        self.cap_drop: list[str] = []
        self.no_new_privileges = False
        self.seccomp: Document | None = None
        self.seccomp_unconfined = False
        self.apparmor = ""
        self.label: dict[str, str] = {}
        self.label_disabled = False
        self.mount_label = ""
        self.loads_apparmor = False
        self.masked: list[str] = []
        self.unmasked: list[str] = []
        self.privileged = False
        self.devices: list[Document] = []
        self.device_rules: list[Document] = []
        self.given_mounts: list[Document] = []
        self.given_groups: list[int] = []
        self.hooks: dict[str, list[Document]] = {}
        self.sysctls: dict[str, str] = {}
        self.shm_size = 64 << 20
        self.init: str = ""
        self.annotations: dict[str, str] = {}
        self.labels: dict[str, str] = {}
