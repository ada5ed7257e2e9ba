"""A container from its image to its end, in the foreground.

Each step can be undone by removing the container, and the removal of one that was killed half-way is the same code:
what is mounted below its directory is unmounted, then the directory goes. The exit status is recorded before anything
is removed.
"""

from __future__ import annotations

import os
import stat

from oci_spec import jsondoc

from ..errors import OcipipeError, Unavailable
from ..host import files, locks, mounts, rooted
from . import executable, foreground, names, oci, placement, users
from . import spec as specs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

    from ..store.containers import Container, Containers
    from .oci import Runtime
    from .spec import Host, Options

    Change = Callable[[Document], Document]

_LOOKUP_LIMIT = 4 << 20


class RuntimeFailed(OcipipeError):
    """The runtime could not start the container; exit status 125."""

    code = "RUNTIME_FAILED"
    status = 125


def sweep(containers: Containers, env: Mapping[str, str]) -> None:
    """Removes what killed commands left: containers they were to remove, once their processes have ended, and
    containers that never appeared."""
    containers.remove_unfinished()
    for container in containers.abandoned():
        remove_ended(containers, container, env)


def has_process(container: Container, env: Mapping[str, str]) -> bool:
    """Whether its runtime still has a process of the container."""
    return _runtime(container, env).status(container.id) in ("created", "running", "paused")


def remove_ended(containers: Containers, container: Container, env: Mapping[str, str]) -> bool:
    """Removes a container whose lock is ours, unless a process of it is left; whether it is gone."""
    if has_process(container, env):
        return False
    _runtime(container, env).delete(container.id)
    containers.remove(container)
    return True


def _runtime(container: Container, env: Mapping[str, str]) -> Runtime:
    return oci.of(str(container.record["runtime"]), str(container.record["runtimeRoot"]), env)


def mount_rootfs(container: Container, lowers: list[str]) -> None:
    """Mounts the root: the image's layers (topmost first) under a writable one of its own. Raises Unavailable."""
    upper = os.path.join(container.path, "upper")
    top = os.stat(lowers[0]) if lowers else None
    if top is not None:  # overlayfs shows the upper directory's own attributes at the root
        os.chown(upper, top.st_uid, top.st_gid)
        os.chmod(upper, stat.S_IMODE(top.st_mode))
        os.utime(upper, ns=(top.st_atime_ns, top.st_mtime_ns))
    else:
        empty = os.path.join(container.path, "empty")
        os.makedirs(empty, exist_ok=True)
        lowers = [empty]
    try:
        mounts.overlay(
            lowers, upper, os.path.join(container.path, "work"), container.rootfs, os.path.join(container.path, "l")
        )
    except OSError as error:
        raise Unavailable(
            container.id[:12],
            f"its root cannot be mounted: {os.strerror(error.errno or 0).lower()}",
            "see dmesg; overlayfs is needed",
        ) from None


def configure(
    container: Container, image: ImageConfig, options: Options, host: Host, user: str | None, change: Change | None
) -> Document:
    """Writes config.json and what it refers to; the root is mounted. Raises NotFound, UsageError, Unsupported."""
    who = look_up(container.rootfs, user if user is not None else image.user, options.groups)
    cwd = options.workdir or image.working_dir or "/"
    args = specs.process_args(image, options)
    if options.init:
        args = [placement.INIT, "--", *args]
    env = specs.environment(options.env, who, options)
    _network_files(container.path, options)
    config = specs.runtime_config(container.id, args, env, cwd, who, options, host, container.path)
    if change is not None:
        config = change(config)
    make_working_directory(_root(container, config), str(config["process"]["cwd"]))  # type: ignore[index]
    files.write_atomic(os.path.join(container.path, "config.json"), jsondoc.dumps(config), 0o600, sealed=True)
    return config


def run(container: Container, runtime: Runtime, config: Document, *, stdin: int) -> int:
    """Runs the container's process to its end; its exit status, which the record has by then.

    Raises CommandNotFound (127), CannotExecute (126), RuntimeFailed (125).
    """
    process: dict[str, Any] = config["process"]  # type: ignore[assignment]
    args = process["args"][2:] if process["args"][:2] == [placement.INIT, "--"] else process["args"]
    who = process.get("user") or {"uid": 0, "gid": 0}  # --config may take away what the specification lets be absent
    user = users.User(who["uid"], who["gid"], who.get("additionalGids") or [], "/")
    mounted: Any = config.get("mounts") or []
    executable.check(_root(container, config), mounted, args, process.get("env") or [], process["cwd"], user)
    log = os.path.join(container.path, "runtime.log")
    pid_file = os.path.join(container.path, "pid")
    files.make_directories(runtime.root, 0o700)
    terminal = bool(process.get("terminal"))
    with container.run_lock() as lock:
        code = foreground.run(
            lambda: runtime.start(container.id, container.path, log, pid_file, stdin, lock),
            lambda: _process(pid_file),
            lambda: runtime.delete(container.id),
            terminal=terminal,
        )
    status = 128 - code if code < 0 else code
    if code < 0:  # the runtime was killed: its process may live on
        runtime.delete(container.id)
    started = os.path.exists(pid_file)
    problem = oci.last_error(log) if status else ""
    if status and (not started or (problem and not runtime.tells_pid_late)):
        raise RuntimeFailed(
            container.name,
            f"{runtime.name} cannot start it: {problem or f'it ended with status {status}'}",
            "see the options, and the runtime's needs",
        )
    container.update(status="stopped", exitCode=status)
    return status


def first_process(containers: Containers, container_id: str) -> int:
    """The first process of a running container, 0 for one that doesn't run."""
    path = containers.load(container_id).path
    return _process(os.path.join(path, "pid")) if locks.is_held(os.path.join(path, "run.lock")) else 0


def _process(pid_file: str) -> int:
    """The process id that the runtime wrote; 0 before it has."""
    try:
        with open(pid_file, "rb") as file:
            return int(file.read() or 0)
    except (FileNotFoundError, ValueError):
        return 0


def _root(container: Container, config: Document) -> str:
    """The container's root directory on the host: ours, unless --config names another."""
    return os.path.join(container.path, str(config["root"]["path"]))  # type: ignore[index]


def discard(containers: Containers, container: Container, runtime: Runtime, *, ended: bool) -> None:
    """Removes a container; one that has not `ended`, as `run` sees it, is ended first, whatever state it is in."""
    if not ended and os.path.exists(os.path.join(container.path, "pid")):
        runtime.delete(container.id)
    containers.remove(container)


def unmount(container: Container) -> None:
    """Unmounts the root of a container that has ended and stays."""
    mounts.unmount_under(container.path)


def look_up(rootfs: str, user: str, groups: Iterable[str] = ()) -> users.User:
    """The user that `user[:group]` stands for in this root, with these groups beside. Raises NotFound."""
    return users.resolve(user, _read(rootfs, "/etc/passwd"), _read(rootfs, "/etc/group"), groups)


def _read(rootfs: str, path: str) -> str:
    """A small text file of the image; '' when there is none. Links in it never lead to the host."""
    place = rooted.resolve(rootfs, path)
    try:
        return files.read_limited(place, _LOOKUP_LIMIT, path).decode("utf-8", "replace")
    except OcipipeError:
        return ""


def _network_files(directory: str, options: Options) -> None:
    """hosts, hostname and resolv.conf, mounted over the image's: with the host's network, its resolver and hosts."""
    host = options.network == "host"
    texts = names.texts(
        options.hostname,
        options.names,
        hosts=_read("/", "/etc/hosts") if host else "",
        resolver=_read("/", "/etc/resolv.conf") if host else "",
    )
    for name, text in texts.items():
        fd = os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.fchmod(fd, 0o644)  # whatever our umask is: every user in the container reads it
            files.write_all(fd, text.encode())
        finally:
            os.close(fd)


def make_working_directory(rootfs: str, cwd: str) -> None:
    """Docker makes it when the image lacks it, and so do we."""
    place = rooted.resolve(rootfs, cwd)
    missing = []
    while not os.path.isdir(place) and place != rootfs:
        missing.append(place)
        place = os.path.dirname(place)
    for directory in reversed(missing):
        try:
            os.mkdir(directory)
            os.chmod(directory, 0o755)  # whatever our umask is
        except OSError as error:
            raise RuntimeFailed(
                cwd, f"cannot be made the working directory: {os.strerror(error.errno or 0).lower()}"
            ) from None
