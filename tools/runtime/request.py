"""From ctr-run's arguments to what the generator takes: values parsed, files read, devices and host looked at."""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import NotFound, Unavailable, Unsupported, UsageError
from ..host import capabilities, cgroups, devices, files, kernel, process, security
from . import apparmor, confinement, inputs, limits, names, namespaces, seccomp, spec, variables
from . import options as values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document
    from oci_spec.platform import Platform

    from ..context import Context

_FILE_LIMIT = 16 << 20
_INITS = ("tini-static", "catatonit", "docker-init", "tini")
"""Static ones first: they run in an image with any C library, or none."""


def host() -> inputs.Host:
    """The facts of this host, and of us."""
    return inputs.Host(
        machine=os.uname().machine,
        kernel=seccomp.version(os.uname().release),
        cgroup_version=cgroups.version(),
        controllers=cgroups.controllers(),
        limits_swap=cgroups.limits_swap(),
        systemd=cgroups.version() == 2 and cgroups.has_systemd(),
        bounding=capabilities.bounding(spec.ALL_CAPABILITIES),
        knobs=cgroups.knobs(),
        apparmor=apparmor.usable(),
        selinux=security.has_selinux(),
        x32=kernel.has_x32(),
        open_files=_open_files(),
    )


def _open_files() -> Document | None:
    """Our own limit of open files, as the kernel tells it (proc(5)): the resource module would cost a library."""
    with open("/proc/self/limits", encoding="utf-8") as file:
        for line in file:
            if line.startswith("Max open files"):
                soft, hard = ((1 << 64) - 1 if word == "unlimited" else int(word) for word in line.split()[3:5])
                return {"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}
    return None


def options(
    ctx: Context,
    args: Any,
    image: ImageConfig,
    container_id: str,
    host: inputs.Host,
    find: namespaces.Find,
    layers: Callable[[str], Sequence[str]],
    network: str,
) -> inputs.Options:
    """The options of one run. `find` gives the record of the container that a name or id stands for, `layers` the chain
    IDs of an image, which is unpacked by then, lowest first; `network` is as inputs.Options has it.

    Raises UsageError, NotFound, Unavailable, Unsupported, Conflict.
    """
    found = inputs.Options()
    found.command = args.command
    found.entrypoint = args.entrypoint
    found.env = variables.environment(image.env, [(path, read_text(path)) for path in args.env_file], args.env, ctx.env)
    found.workdir = args.workdir
    if found.workdir is not None and not found.workdir.startswith("/"):
        raise UsageError(f"--workdir {found.workdir}", "is no absolute path", "begin it with /")
    found.network = network
    namespaces.take(found, args, find)
    _names(found, args, container_id)
    found.groups = args.group_add
    found.terminal = args.tty
    found.console_size = os.get_terminal_size(0) if args.tty and ctx.stdin.isatty() else None
    found.read_only = args.read_only
    limits.take(found, args, host)
    found.cap_add, found.cap_drop = args.cap_add, args.cap_drop
    found.privileged = args.privileged
    found.sysctls = values.pairs(args.sysctl, "--sysctl")
    if args.shm_size is not None:
        if args.shm_size <= 0:
            raise UsageError("--shm-size", "is not above 0: there would be no limit", "give a size, like 64m")
        found.shm_size = args.shm_size
    found.labels = variables.labels([(path, read_text(path)) for path in args.label_file], args.label)
    found.annotations = _annotations(args, image, found.labels)
    found.mounts = _mounts(args)
    if found.users is None and any(mount.mapped for mount in found.mounts):
        raise UsageError("idmap", "is for a container with users of its own", "add --userns auto, or leave it out")
    found.image_layers = [list(layers(mount.source)) for mount in found.mounts if mount.kind == "image"]
    _devices(found, args)
    granted = frozenset(spec.capabilities(found, host.bounding)) if args.security_opt else frozenset()
    confinement.take(found, args.security_opt, host, granted, lambda path: read_text(path).encode())
    found.mount_label = confinement.labels(container_id, found, host)[1]
    _relabel(found)
    if found.apparmor not in ("", apparmor.UNCONFINED, apparmor.DEFAULT) and not security.has_profile(found.apparmor):
        raise NotFound(found.apparmor, "no such AppArmor profile is loaded", "load it with apparmor_parser")
    found.loads_apparmor = confinement.apparmor_profile(found, host) == apparmor.DEFAULT
    found.init = _init(ctx.env) if args.init else ""
    return found


def _names(found: inputs.Options, args: Any, container_id: str) -> None:
    shared = "--network host" if found.network == "host" else "--uts host" if "uts" in found.hosts else ""
    for option, name in (("--hostname", args.hostname), ("--domainname", args.domainname)):
        if name is not None and shared and (option == "--hostname" or shared == "--uts host"):
            raise UsageError(option, f"does not go with {shared}", "leave one of them out")
    own = values.host_name(args.hostname, "--hostname") if args.hostname is not None else ""
    found.hostname = own or (os.uname().nodename if shared else container_id[:12])
    found.domain_name = values.host_name(args.domainname, "--domainname") if args.domainname is not None else ""
    found.names = names.asked_for(args, found.domain_name, found.network)


def record(found: inputs.Options) -> Document:
    """What the container's record has to keep of its options, for its starts (see namespaces, names, confinement).

    `mountedChainIds` are the layers of all images that are mounted in it, `imageMounts` how many of them each has,
    `imageSubpaths` what of each is mounted, '' for all.
    """
    mapped = [one.source for one in found.mounts if one.mapped]
    parts = [mount.subpath for mount in found.mounts if mount.kind == "image"]
    return {
        "joins": found.joins,
        "shm": found.shm,
        "shmSize": found.shm_size,
        "names": found.names,
        "mountLabel": found.mount_label,
        "loadsAppArmor": found.loads_apparmor,
        "groups": [*found.groups, *map(str, found.given_groups)],
        "mountedChainIds": [one for layers in found.image_layers for one in layers],
        "imageMounts": [len(layers) for layers in found.image_layers],
        **({"mappedBinds": mapped} if mapped else {}),
        **({"imageSubpaths": parts} if any(parts) else {}),
    }


def check_platform(image: ImageConfig, wanted: Platform | None, subject: str) -> None:
    """Raises Unsupported for an image that was asked for by a platform and is for another one."""
    if wanted is not None and image.platform.known and not wanted.runs(image.platform):
        raise Unsupported(subject, f"is for {image.platform}, not for {wanted}", "leave --platform out")


def _annotations(args: Any, image: ImageConfig, labels: dict[str, str]) -> dict[str, str]:
    """Labels and annotations for the runtime. An image may not steer the runtime: such labels stay in our record."""
    harmless = {key: value for key, value in image.labels.items() if not key.startswith(spec.STEERING)}
    return {**harmless, **labels, **values.pairs(args.annotation, "--annotation")}


def _mounts(args: Any) -> list[values.Mount]:
    found = [values.volume(one) for one in args.volume]
    found += [values.mount(one) for one in args.mount]
    found += [values.tmpfs(one) for one in args.tmpfs]
    seen: set[str] = set()
    for one in found:
        place = one.destination.rstrip("/")
        if place in seen:
            raise UsageError(one.destination, "two mounts go there", "leave one of them out")
        seen.add(place)
        if one.kind == "bind" and not one.source.startswith("/"):
            one.source = os.path.abspath(one.source)
        if one.kind == "bind" and not os.path.exists(one.source):
            if not one.make:
                raise NotFound(one.source, "the mount's source does not exist", "make it, or use -v, which makes it")
            try:
                files.make_directories(one.source)
            except OSError as error:
                why = os.strerror(error.errno or 0).lower()
                raise NotFound(one.source, f"the mount's source cannot be made: {why}", "name another") from None
    return found


def _relabel(found: inputs.Options) -> None:
    """Labels what was mounted with z or Z. Where SELinux is off, any container can use it already."""
    own = found.mount_label
    for mount in found.mounts:
        wanted = [word for word in mount.options if word in values.RELABEL]
        mount.options = [word for word in mount.options if word not in values.RELABEL]
        if "Z" in wanted and own and mount.kind == "volume":
            raise Unsupported(mount.destination, "other containers may use a volume, so Z cannot be", "use z")
        if wanted and own and mount.kind == "bind":
            try:
                security.label(mount.source, own if wanted[-1] == "Z" else confinement.shared(own))
            except OSError as error:
                why = os.strerror(error.errno or 0).lower()
                raise Unavailable(mount.source, f"cannot be labelled: {why}", "leave out z and Z") from None


def _devices(found: inputs.Options, args: Any) -> None:
    everything = {str(node["path"]): node for node in devices.everything()} if found.privileged else {}
    named = [text for text in args.device if not text.startswith("/") and "=" in text]
    for text in args.device:
        if text in named:
            continue
        source, destination, access = values.device(text)
        if not os.path.exists(source):
            raise NotFound(source, "no such device", "see /dev")
        node = devices.describe(source, destination)
        if node is None:
            raise UsageError(f"--device {text}", "is no device", "use -v for files and directories")
        everything[destination] = node
        rule = {key: node[key] for key in ("type", "major", "minor")}
        found.device_rules.append({"allow": True, "access": access, **rule})
    found.devices = list(everything.values())
    if named or args.gpus:
        from . import cdi

        cdi.apply(found, [*(name for text in args.gpus for name in cdi.gpus(text)), *map(cdi.checked, named)])


def find_init(env: Mapping[str, str]) -> str | None:
    """The program that --init runs; None when none is installed."""
    path = next(filter(None, (process.find(name, env.get("PATH", "")) for name in _INITS)), None)
    return path and os.path.realpath(path)


def _init(env: Mapping[str, str]) -> str:
    path = find_init(env)
    if path is None:
        raise NotFound("--init", "no init program is installed", "install the package tini or catatonit")
    return path


def read_text(path: str) -> str:
    """A small text file, or a pipe: a shell's <(…) is one. Raises NotFound, UsageError."""
    try:
        with open(path, "rb") as file:
            data = file.read(_FILE_LIMIT + 1)
    except OSError as error:
        raise NotFound(path, f"cannot be read: {os.strerror(error.errno or 0).lower()}", "name another file") from None
    if len(data) > _FILE_LIMIT:
        raise UsageError(path, f"is more than {_FILE_LIMIT >> 20} MiB long", "name another file")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(path, "is not UTF-8") from None


def patch(path: str) -> Document:
    """The runtime config in the file that --config names, to be merged over ours. Raises FormatError, NotFound."""
    return jsondoc.load_object(read_text(path), path)


def patched(config: Document, patch: Document, subject: str, terminal: bool) -> Document:
    """`config` with `patch` over it; `terminal`: whether we have one to give. Raises FormatError, UsageError."""
    from oci_spec import runtime_config, validate

    merged: dict[str, Any] = validate.check("runtime-config", runtime_config.merge(config, patch), subject)
    for pointer in ("/root", "/process", "/process/args"):
        held: Any = merged
        for name in pointer[1:].split("/"):
            held = held.get(name)
        if not held:
            raise jsondoc.FormatError(subject, "is taken away, and a container needs it", pointer)
    user = merged["process"].get("user")
    if user is not None and not {"uid", "gid"} <= user.keys():
        raise jsondoc.FormatError(subject, "lacks uid or gid", "/process/user")
    for number, mount in enumerate(merged.get("mounts") or ()):
        bound = mount.get("type") == "bind" or {"bind", "rbind"} & set(mount.get("options") or ())
        if bound and not str(mount.get("source", "")).startswith("/"):
            raise jsondoc.FormatError(subject, "a bind mount's source is no absolute path", f"/mounts/{number}/source")
    if merged["process"].get("terminal") and not terminal:
        raise UsageError(subject, "asks for a terminal, and standard input is none", "leave out process.terminal")
    return merged
