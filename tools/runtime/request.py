"""From ctr-run's arguments to what the generator takes: values parsed, files read, devices and host looked at."""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import NotFound, UsageError
from ..host import capabilities, cgroups, devices, files, process
from . import options as values
from . import seccomp, spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

    from ..context import Context

_FILE_LIMIT = 16 << 20
_INITS = ("tini-static", "catatonit", "docker-init", "tini")
"""Static ones first: they run in an image with any C library, or none."""


def host() -> spec.Host:
    """The facts of this host."""
    return spec.Host(
        machine=os.uname().machine,
        kernel=seccomp.version(os.uname().release),
        cgroup_version=cgroups.version(),
        controllers=cgroups.controllers(),
        limits_swap=cgroups.limits_swap(),
        systemd=cgroups.version() == 2 and cgroups.has_systemd(),
        bounding=capabilities.bounding(spec.ALL_CAPABILITIES),
    )


def options(ctx: Context, args: Any, image: ImageConfig, container_id: str, host: spec.Host) -> spec.Options:
    """The options of one run. Raises UsageError, NotFound, Unavailable."""
    found = spec.Options()
    found.command = args.command
    found.entrypoint = args.entrypoint
    found.env = values.environment(image.env, [(path, _text(path)) for path in args.env_file], args.env, ctx.env)
    found.workdir = args.workdir
    if found.workdir is not None and not found.workdir.startswith("/"):
        raise UsageError(f"--workdir {found.workdir}", "is no absolute path", "begin it with /")
    found.network = args.network
    found.hostname = args.hostname or (os.uname().nodename if args.network == "host" else container_id[:12])
    if args.hostname and args.network == "host":
        raise UsageError("--hostname", "does not go with --network host", "leave one of them out")
    found.terminal = args.tty
    found.read_only = args.read_only
    for name in ("memory", "memory_swap", "cpus", "cpu_shares", "cpuset_cpus", "pids_limit"):
        setattr(found, name, getattr(args, name))
    if found.cpus is not None and not 0 < found.cpus <= (os.cpu_count() or 1):
        raise UsageError("--cpus", f"{found.cpus} is not above 0 and at most {os.cpu_count()}, what this host has")
    found.ulimits = [values.ulimit(one) for one in args.ulimit]
    found.cap_add, found.cap_drop = args.cap_add, args.cap_drop
    found.privileged = args.privileged
    found.sysctls = values.pairs(args.sysctl, "--sysctl")
    if args.shm_size is not None:
        found.shm_size = args.shm_size
    found.annotations = _annotations(args, image)
    found.mounts = _mounts(args)
    _devices(found, args)
    _security(found, args, host)
    found.init = _init(ctx.env) if args.init else ""
    return found


def _annotations(args: Any, image: ImageConfig) -> dict[str, str]:
    """Labels and annotations for the runtime. An image may not steer the runtime: such labels stay in our record."""
    harmless = {key: value for key, value in image.labels.items() if not key.startswith(spec.STEERING)}
    return {**harmless, **values.pairs(args.label, "--label"), **values.pairs(args.annotation, "--annotation")}


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
        if one.kind == "bind" and not os.path.exists(one.source):
            if not one.make:
                raise NotFound(one.source, "the mount's source does not exist", "make it, or use -v, which makes it")
            try:
                files.make_directories(one.source)
            except OSError as error:
                why = os.strerror(error.errno or 0).lower()
                raise NotFound(one.source, f"the mount's source cannot be made: {why}", "name another") from None
    return found


def _devices(found: spec.Options, args: Any) -> None:
    if found.privileged:
        found.devices = list(devices.everything())
        return
    for text in args.device:
        source, destination, access = values.device(text)
        if not os.path.exists(source):
            raise NotFound(source, "no such device", "see /dev")
        node = devices.describe(source, destination)
        if node is None:
            raise UsageError(f"--device {text}", "is no device", "use -v for files and directories")
        found.devices.append(node)
        rule = {key: node[key] for key in ("type", "major", "minor")}
        found.device_rules.append({"allow": True, "access": access, **rule})


def _security(found: spec.Options, args: Any, host: spec.Host) -> None:
    for text in args.security_opt:
        name, _, value = text.replace(":", "=", 1).partition("=")
        if name == "no-new-privileges" and value in ("", "true", "false"):
            found.no_new_privileges = value != "false"
        elif name == "seccomp" and value == "unconfined":
            found.seccomp_unconfined = True
        elif name == "seccomp" and value:
            granted = frozenset(spec.capabilities(found, host.bounding))
            found.seccomp = seccomp.load(_text(value).encode(), value, host.machine, host.kernel, granted)
        else:
            raise UsageError(
                f"--security-opt {text}",
                "is not supported",
                "use no-new-privileges, seccomp=FILE or seccomp=unconfined",
            )


def _init(env: Mapping[str, str]) -> str:
    for name in _INITS:
        path = process.find(name, env.get("PATH", ""))
        if path is not None:
            return os.path.realpath(path)
    raise NotFound("--init", "no init program is installed", "install the package tini or catatonit")


def _text(path: str) -> str:
    try:
        return files.read_limited(path, _FILE_LIMIT).decode()
    except UnicodeDecodeError:
        raise UsageError(path, "is not UTF-8") from None
    except PermissionError:
        raise NotFound(path, "permission denied") from None


def patch(path: str) -> Document:
    """The runtime config in the file that --config names, to be merged over ours. Raises FormatError, NotFound."""
    return jsondoc.load_object(_text(path), path)
