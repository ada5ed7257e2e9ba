"""What a container is kept from beyond its namespaces and capabilities: --security-opt, hidden paths, the labels of the
kernel's security modules. Pure, but for the seccomp profile that --security-opt names."""

from __future__ import annotations

from ..errors import Unsupported, UsageError
from . import apparmor, seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.jsondoc import Document

    from .inputs import Host, Options

_MASKED = (
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
    "/sys/devices/virtual/powercap", "/sys/firmware",
)  # fmt: skip
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_PARTS = ("user", "role", "type", "level")
_PROCESS = {"user": "system_u", "role": "system_r", "type": "container_t"}
_FILE_TYPE = "container_file_t"
_CATEGORIES = 1024
_KNOWN = (
    "no-new-privileges, seccomp=FILE, apparmor=PROFILE, label=disable, label=type:TYPE, systempaths=unconfined, "
    "mask=PATH or unmask=PATH"
)


def take(found: Options, texts: list[str], host: Host, granted: frozenset[str], read: Callable[[str], bytes]) -> None:
    """Takes the --security-opt `texts` into `found`; `granted` are its capabilities, `read` reads a named file.

    Raises UsageError, Unsupported, and what `read` raises.
    """
    for text in texts:
        name, value = _split(text)
        if name == "no-new-privileges" and value in ("", "true", "false"):
            found.no_new_privileges = value != "false"
        elif name == "seccomp" and value == "unconfined":
            found.seccomp_unconfined = True
        elif name == "seccomp" and value:
            found.seccomp = seccomp.load(read(value), value, host.machine, host.kernel, granted)
        elif name == "apparmor" and value:
            if value != apparmor.UNCONFINED and not host.apparmor:
                raise Unsupported(f"--security-opt {text}", "AppArmor is not on here", "leave it out")
            found.apparmor = value
        elif name == "label" and value:
            _take_label(found, value, text, host)
        elif name == "systempaths" and value == "unconfined":
            found.unmasked.append("ALL")
        elif name in ("mask", "unmask") and value:
            paths = value.split(":")
            if any(not path.startswith("/") for path in paths if (name, path) != ("unmask", "ALL")):
                raise UsageError(f"--security-opt {text}", "names what is no absolute path", f"like {name}=/proc/kcore")
            (found.masked if name == "mask" else found.unmasked).extend(paths)
        else:
            raise UsageError(f"--security-opt {text}", "is not supported", f"use {_KNOWN}")


def _split(text: str) -> tuple[str, str]:
    """NAME=VALUE, or NAME:VALUE as docker once had it."""
    name, equals, value = text.partition("=")
    if ":" in name:
        name, _, value = text.partition(":")
        return name, value
    return name, value if equals else ""


def _take_label(found: Options, value: str, text: str, host: Host) -> None:
    part, colon, label = value.partition(":")
    if value == "disable":
        found.label_disabled = True
        return
    if not colon or part not in (*_PARTS, "filetype") or not label or not label.isprintable() or " " in label:
        raise UsageError(
            f"--security-opt {text}", "is no label", "use label=disable, or user, role, type, level or filetype:…"
        )
    if not host.selinux:
        raise Unsupported(f"--security-opt {text}", "SELinux is not on here", "leave it out")
    found.label[part] = label


def hidden(options: Options) -> tuple[list[str], list[str]]:
    """linux.maskedPaths and linux.readonlyPaths; a pattern of unmask takes its path out of both."""
    ours = ((), ()) if options.privileged else (_MASKED, _READ_ONLY)
    masked, read_only = ([path for path in paths if not _shown(path, options.unmasked)] for paths in ours)
    return [*masked, *options.masked], read_only


def _shown(path: str, patterns: list[str]) -> bool:
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    return any(one == "ALL" or fnmatchcase(path, one) for one in patterns)


def apparmor_profile(options: Options, host: Host) -> str:
    """process.apparmorProfile, '' for none."""
    if not host.apparmor:
        return ""
    return options.apparmor or (apparmor.UNCONFINED if options.privileged else apparmor.DEFAULT)


def labels(container_id: str, options: Options, host: Host) -> tuple[str, str]:
    """SELinux's label of the process and of its files, '' for none: what shares the host's processes or IPC has none.

    The categories come from the id: with others', the container's files are closed to it.
    """
    if not host.selinux or options.label_disabled or options.privileged or options.hosts & {"pid", "ipc"}:
        return "", ""
    asked = {"level": level(container_id), **_PROCESS, **options.label}
    process = ":".join(asked[part] for part in _PARTS)
    return process, f"{asked['user']}:object_r:{asked.get('filetype', _FILE_TYPE)}:{asked['level']}"


def shared(label: str) -> str:
    """A label of files that every container may use: the same, without categories."""
    return ":".join([*label.split(":")[:3], "s0"])


def level(container_id: str) -> str:
    """A level with two categories of 1024, by the id."""
    number = int(container_id[:8] or "0", 16) % (_CATEGORIES * (_CATEGORIES - 1))
    first, second = divmod(number, _CATEGORIES - 1)
    second += second >= first  # never the same twice
    low, high = sorted((first, second))
    return f"s0:c{low},c{high}"


def process_fields(container_id: str, options: Options, host: Host) -> Document:
    """What of this the config's `process` has."""
    profile, label = apparmor_profile(options, host), labels(container_id, options, host)[0]
    return {
        "noNewPrivileges": options.no_new_privileges,
        **({"apparmorProfile": profile} if profile else {}),
        **({"selinuxLabel": label} if label else {}),
    }


def linux_fields(container_id: str, granted: frozenset[str], options: Options, host: Host) -> Document:
    """What of this the config's `linux` has."""
    masked, read_only = hidden(options)
    found: Document = {}
    if masked:
        found["maskedPaths"] = masked
    if read_only:
        found["readonlyPaths"] = read_only
    if options.seccomp is not None:
        found["seccomp"] = options.seccomp
    elif not (options.seccomp_unconfined or options.privileged):
        found["seccomp"] = seccomp.default(host.machine, granted, x32=host.x32)
    label = labels(container_id, options, host)[1]
    if label:
        found["mountLabel"] = label
    return found
