"""A service of the model as the words that ctr-create would be given for one of its containers. Pure.

What ctr-create has no option for is refused with the place of the key. The words are parsed by the declaration of
ctr-create's own options, so that a container of a project is made in no other way than any other one.
"""

from __future__ import annotations

import math

from oci_spec import jsondoc, quantity

from ..host import signals
from ..network import ports
from ..runtime import disks, options, policy
from . import labels, names, storage, wiring
from .words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping as Table
    from collections.abc import Sequence

    from .project import Project

_LOG_DRIVERS = {"json-file": "json", "local": "json", "json": "json", "journald": "journald", "none": "none"}


class Around:
    """What a container is made with that the model does not say.

    names     service to the name of the container that others mean by `service:…`
    files     (section, source, uid, gid, mode) to the path of a secret's or config's file; None: not there yet
    nameless  networks, by their own names, on which nobody is found by name
    kept      destination to the anonymous volume that goes over from the container before
    image     entrypoint of the image, for who clears its command; None: not known yet
    """

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.files: dict[storage.Grant, str] = {}
        self.nameless: frozenset[str] = frozenset()
        self.kept: Table[str, str] = {}
        self.entrypoint: Sequence[str] | None = None


class Wish:
    """A one-off container's difference: what compose-run, or a step of pre_start (`step`), says otherwise than the
    model."""

    def __init__(self) -> None:
        self.name = ""
        self.command: Sequence[str] | None = None
        self.ports = False
        self.aliases = False
        self.step: Table[str, object] | None = None
        self.words: list[str] = []


def words(project: Project, service: str, number: int, around: Around, wish: Wish | None = None) -> list[str]:
    """The words for ctr-create: options, `--`, the image, the command. Raises ComposeError."""
    said = Words(project.model, service)
    keys = said.keys
    said.said.append(f"--name={wish.name if wish else name(project, service, number)}")
    _labels(said, project, number, one_off=wish is not None)
    _process(said)
    wiring.words(said, around.names, around.nameless, alone=wish is not None and not wish.aliases,
                 ports=wish is None or wish.ports)  # fmt: skip
    storage.words(said, around.files, around.kept, around.names)
    _limits(said)
    _rights(said)
    _end(said)
    step = None if wish is None else wish.step
    if step is None:
        _logging(said)
        _health(said)
    for number, one in enumerate(keys.get("expose") or ()):
        said.option("--expose", one, ("expose", number), ports.parse)
    said.key("platform", "--platform")
    said.key("runtime", "--runtime")
    said.said.append("--pull=never")
    if wish is not None:
        said.said += wish.words
    command, entrypoint = keys.get("command"), keys.get("entrypoint")
    if wish is not None and (step is not None or any(word.startswith("--entrypoint=") for word in wish.words)):
        command = entrypoint = None  # who says another program does not mean its arguments
    if wish is not None and wish.command is not None:
        command = list(wish.command)
    if entrypoint is None and command == [] and around.entrypoint is not None:
        entrypoint = list(around.entrypoint)
    if entrypoint is not None:
        said.said.append(f"--entrypoint={entrypoint[0] if entrypoint else ''}")
        command = [*entrypoint[1:], *(command or ())]
    image = str((step or {}).get("image") or project.image(service))
    return [*said.said, "--", image, *(command or ())]


def name(project: Project, service: str, number: int) -> str:
    """The name of a service's container."""
    return str(project.service(service).get("container_name") or names.container(project.name, service, number))


def count(project: Project, service: str) -> int:
    """How many containers a service is to have."""
    found = project.service(service)
    scale = found.get("scale")
    return 1 if scale is None else int(scale)


def _labels(said: Words, project: Project, number: int, *, one_off: bool) -> None:
    ours = labels.of_container(project, said.service, number, one_off=one_off)
    for key, value in (said.keys.get("labels") or {}).items():
        if key in ours:
            raise said.refuse(("labels", key), "is a label of our own", "take it away")
        said.said.append(f"--label={key}={value}")
    said.said += [f"--label={key}={value}" for key, value in ours.items()]
    said.pairs("annotations", "--annotation")


def _process(said: Words) -> None:
    keys = said.keys
    for key, value in (keys.get("environment") or {}).items():
        said.said.append(f"--env={key}" if value is None else f"--env={key}={value}")
    said.key("working_dir", "--workdir")
    said.key("user", "--user")
    said.each("group_add", "--group-add")
    said.key("hostname", "--hostname", lambda text: options.host_name(text, "hostname"))
    said.key("domainname", "--domainname", lambda text: options.host_name(text, "domainname"))
    said.flag("stdin_open", "--interactive")
    said.flag("tty", "--tty")
    said.flag("init", "--init")


def _limits(said: Words) -> None:
    for key, option in (
        ("mem_limit", "--memory"), ("memswap_limit", "--memory-swap"), ("mem_reservation", "--memory-reservation"),
        ("cpu_period", "--cpu-period"), ("cpu_quota", "--cpu-quota"), ("cpu_rt_period", "--cpu-rt-period"),
        ("cpu_rt_runtime", "--cpu-rt-runtime"), ("cpu_shares", "--cpu-shares"), ("cpus", "--cpus"),
        ("shm_size", "--shm-size"),
    ):  # fmt: skip
        if said.keys.get(key):  # 0 is no limit
            said.key(key, option)
    for key, option in (
        ("mem_swappiness", "--memory-swappiness"), ("oom_score_adj", "--oom-score-adj"),
        ("pids_limit", "--pids-limit"), ("cpuset", "--cpuset-cpus"), ("cgroup_parent", "--cgroup-parent"),
    ):  # fmt: skip
        said.key(key, option)
    said.flag("oom_kill_disable", "--oom-kill-disable")
    blkio = said.keys.get("blkio_config") or {}
    if blkio.get("weight"):
        said.option("--blkio-weight", blkio["weight"], ("blkio_config", "weight"))
    for number, one in enumerate(blkio.get("weight_device") or ()):
        path = ("blkio_config", "weight_device", number)
        said.option("--blkio-weight-device", f"{one['path']}:{one['weight']}", path, disks.weight)
    for kind in ("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops"):
        flag = kind.replace("_", "-")
        for number, one in enumerate(blkio.get(kind) or ()):
            said.option(
                f"--{flag}", f"{one['path']}:{one['rate']}", ("blkio_config", kind, number),
                lambda text, flag=flag: disks.throttle(text, flag.removeprefix("device-")),  # type: ignore[misc]
            )  # fmt: skip
    for limit, value in (said.keys.get("ulimits") or {}).items():
        said.option("--ulimit", f"{limit}={value['soft']}:{value['hard']}", ("ulimits", limit), options.ulimit)
    if "storage_opt" in said.keys:
        raise said.refuse(("storage_opt",), "is not supported: the store has no quotas", "take it away")


def _rights(said: Words) -> None:
    said.each("cap_add", "--cap-add")
    said.each("cap_drop", "--cap-drop")
    said.each("security_opt", "--security-opt")
    said.flag("privileged", "--privileged")
    said.flag("read_only", "--read-only")
    said.pairs("sysctls", "--sysctl")
    said.key("cgroup", "--cgroupns")
    said.each("device_cgroup_rules", "--device-cgroup-rule", options.device_rule)
    for number, one in enumerate(said.keys.get("devices") or ()):
        source = str(one["source"])
        text = f"{source}:{one['target']}:{one['permissions']}" if source.startswith("/") else source
        said.option("--device", text, ("devices", number), options.device if source.startswith("/") else None)
    deploy = said.keys.get("deploy") or {}
    reserved = (deploy.get("resources") or {}).get("reservations") or {}
    for path, requests in (
        (("gpus",), said.keys.get("gpus")),
        (("deploy", "resources", "reservations", "devices"), reserved.get("devices")),
    ):
        for number, one in enumerate(requests or ()):
            if one.get("driver", "nvidia") not in ("nvidia", "") or one.get("options"):
                raise said.refuse((*path, number), "is not NVIDIA's, or has options", "use devices with a CDI name")
            ids = ",".join(one.get("device_ids") or ())
            amount = one.get("count", -1)
            said.option("--gpus", f"device={ids}" if ids else "all" if amount == -1 else amount, (*path, number))
    mode = said.keys.get("userns_mode")
    if mode:
        from ..runtime import userns

        if mode.partition(":")[0] not in ("host", "private", "auto"):
            raise said.refuse(("userns_mode",), f"{mode!r} is not supported", "host, private, auto or auto:size=COUNT")
        said.option("--userns", mode, ("userns_mode",), lambda text: userns.asked(text, [], []))


def _end(said: Words) -> None:
    keys = said.keys
    said.key("restart", "--restart", policy.restart)
    if keys.get("restart") not in (None, "no"):
        restarts = (keys.get("deploy") or {}).get("restart_policy") or {}
        for key in ("delay", "window"):
            if key in restarts:
                said.option(
                    f"--restart-{key}", restarts[key], ("deploy", "restart_policy", key),
                    lambda text: policy.duration(text, ""),
                )  # fmt: skip
    if keys.get("stop_signal") and signals.name(str(keys["stop_signal"])) is None:
        raise said.refuse(("stop_signal",), f"{keys['stop_signal']!r} is no signal", "like SIGTERM or 15")
    said.key("stop_signal", "--stop-signal")
    grace = keys.get("stop_grace_period")
    if grace is not None:
        seconds = quantity.seconds(str(grace)) or 0
        said.said.append(f"--stop-timeout={math.ceil(seconds)}")


def _logging(said: Words) -> None:
    logging = said.keys.get("logging") or {}
    driver = str(logging.get("driver") or "json-file")
    if driver not in _LOG_DRIVERS:
        raise said.refuse(
            ("logging", "driver"), f"there is no log driver {driver}", "json-file, local, journald or none"
        )
    if logging:
        said.said.append(f"--log-driver={_LOG_DRIVERS[driver]}")
    for key, value in (logging.get("options") or {}).items():
        said.option(
            "--log-opt", f"{key}={value}", ("logging", "options", key),
            lambda text: policy.log_options([text], _LOG_DRIVERS[driver]),
        )  # fmt: skip


def _health(said: Words) -> None:
    check = said.keys.get("healthcheck") or {}
    if check.get("disable"):
        said.said.append("--no-healthcheck")
        return
    if check.get("test"):
        said.said.append(f"--health-cmd={jsondoc.dumps(list(check['test'])).decode()}")
    for key, option in (
        ("interval", "--health-interval"), ("timeout", "--health-timeout"), ("retries", "--health-retries"),
        ("start_period", "--health-start-period"), ("start_interval", "--health-start-interval"),
    ):  # fmt: skip
        if check.get(key) is not None:
            said.option(option, check[key], ("healthcheck", key))
