"""The OCI runtime: which one, and how it is started (runtime-spec 1.2, runtime.md; runc's and crun's command line)."""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import OcipipeError, Unavailable
from ..host import cgroups, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "1.0.2"
"""The runtime-spec version of what we write: the oldest that has all of it, so that every runtime takes it."""
_LOG_LIMIT = 1 << 20


class RuntimeFailed(OcipipeError):
    """The runtime, or the monitor around it, could not do what was asked; exit status 125 where a command runs one."""

    code = "RUNTIME_FAILED"
    status = 125


class Runtime:
    """An OCI runtime of this host. `root` is where it keeps its containers' state."""

    __slots__ = ("_env", "_options", "path", "root")

    def __init__(
        self, path: str, root: str, env: Mapping[str, str], *, systemd: bool, no_cgroups: bool = False
    ) -> None:
        self.path = path
        self.root = root
        self._env = env
        self._options = ["--systemd-cgroup"] if systemd else ["--cgroup-manager", "disabled"] if no_cgroups else []

    @property
    def name(self) -> str:
        return os.path.basename(self.path)

    @property
    def tells_pid_late(self) -> bool:
        """Whether the pid file appears only once the process runs. crun writes it before it starts the program."""
        return not self.name.startswith("crun")

    @property
    def carries_streams(self) -> bool:
        """Whether its exec has pipes of its own between the process and our streams, and says nothing of what could not
        be written to ours. crun gives the process what it has."""
        return not self.name.startswith("crun")

    @property
    def options(self) -> list[str]:
        """What stands before the operation on its command line, whatever that is."""
        return ["--root", self.root, *self._options]

    def run(self, container_id: str, bundle: str, log: str, pid_file: str, lock: int) -> int:
        """Starts `run` in the foreground, with our terminal; the runtime's process id.

        `lock` is a descriptor that the runtime has for as long as it lives; it closes it for the container's process.
        """
        argv = [*self._argv("--log", log, "--log-format", "json"), "run", "--bundle", bundle]
        return process.spawn([*argv, "--pid-file", pid_file, container_id], env=self._env, keep=(lock,))

    def create(
        self, container_id: str, bundle: str, log: str, pid_file: str, streams: tuple[int, int, int], lock: int
    ) -> int:
        """Starts `create` of a container whose process gets `streams` as they are; the runtime's process id. It hears
        nothing of our terminal's keys; what it has created waits for `start`, as a child of who adopts orphans."""
        argv = [*self._argv("--log", log, "--log-format", "json"), "create", "--bundle", bundle]
        stdin, stdout, stderr = streams
        return process.spawn(
            [*argv, "--pid-file", pid_file, container_id],
            env=self._env, stdin=stdin, stdout=stdout, stderr=stderr, keep=(lock,), new_session=True,
        )  # fmt: skip

    def exec(
        self, container_id: str, spec: str, log: str, pid_file: str, streams: tuple[int, int, int], *,
        detach: bool = False,
    ) -> int:  # fmt: skip
        """Starts `exec` of the process that the file `spec` describes, with `streams`; the runtime's process id. With
        `detach`, the runtime leaves it in the background."""
        argv = [*self._argv("--log", log, "--log-format", "json"), "exec", "--process", spec, "--pid-file", pid_file]
        words = ["--detach", container_id] if detach else [container_id]
        stdin, stdout, stderr = streams
        return process.spawn([*argv, *words], env=self._env, stdin=stdin, stdout=stdout, stderr=stderr)

    def start(self, container_id: str, log: str, pid: int, *, hooks: bool) -> None:
        """Starts the process of a container that was created, which is `pid`; `hooks`: its config has some.
        Raises RuntimeFailed with the runtime's own words, which it has written to `log` too."""
        if self.name == "runc" and not hooks:
            from . import runc

            if runc.begin(os.path.join(self.root, container_id), pid):
                return
        self._do(container_id, *self._argv("--log", log, "--log-format", "json"), "start", container_id, log=log)

    def checkpoint(self, container_id: str, images: str, work: str, log: str, *options: str) -> int:
        """Starts writing the state of a container's processes to the directory `images`; criu's own log goes to the
        directory `work`, where it is `dump.log`. The runtime's process id: away from our terminal's signals, as what
        is left half-done of this is hard to undo."""
        argv = [*self._argv("--log", log, "--log-format", "json"), "checkpoint"]
        argv += ["--image-path", images, "--work-path", work, *options, container_id]
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        try:
            return process.spawn(argv, env=self._env, stdin=null, stdout=null, stderr=null, new_session=True)
        finally:
            os.close(null)

    def update(self, container_id: str, resources: bytes) -> None:
        """Gives a container other limits (runtime-spec's linux.resources). Raises RuntimeFailed."""
        self._do(container_id, *self._argv(), "update", "--resources", "-", container_id, input=resources)

    def kill(self, container_id: str, signal: str, *, all: bool = False) -> None:
        """Sends a signal (its name or number) to the container's first process, or to all. Raises RuntimeFailed."""
        self._do(container_id, *self._argv(), "kill", *(["--all"] if all else []), container_id, signal)

    def pause(self, container_id: str) -> None:
        """Freezes its processes. Raises RuntimeFailed."""
        self._do(container_id, *self._argv(), "pause", container_id)

    def resume(self, container_id: str) -> None:
        """Thaws them. Raises RuntimeFailed."""
        self._do(container_id, *self._argv(), "resume", container_id)

    def _do(self, container_id: str, *argv: str, log: str = "", input: bytes = b"") -> None:
        result = process.run(argv, env=self._env, input=input)
        if result.status:
            problem = last_error(log) if log else ""
            problem = problem or " ".join(result.stderr.decode("utf-8", "replace").split())
            operation = argv[argv.index(container_id) - 1] if log else argv[len(self.options) + 1]
            raise RuntimeFailed(container_id[:12], f"{self.name} {operation}: {problem or 'failed without a word'}")

    def status(self, container_id: str) -> str:
        """`created`, `running`, `paused`, `stopped`; '' when the runtime knows no such container.

        One whose runtime was uninstalled meanwhile is taken to be running while the runtime's state of it is there.
        """
        if not self._installed():
            return "running" if os.path.exists(os.path.join(self.root, container_id)) else ""
        result = process.run([*self._argv(), "state", container_id], env=self._env)
        if result.status:
            return ""
        return str(jsondoc.load_object(result.stdout, f"{self.name} state").get("status") or "")

    def delete(self, container_id: str) -> None:
        """Ends a container that may still be there, with all its processes; nothing to do when there is none."""
        directory = os.path.join(self.root, container_id)
        if not self._installed() and not os.path.exists(directory):
            return
        if self.name == "runc":
            from . import runc

            if runc.delete(directory):
                return
        process.run([*self._argv(), "delete", "--force", container_id], env=self._env)

    def _installed(self) -> bool:
        return os.access(self.path, os.X_OK)

    def _argv(self, *options: str) -> list[str]:
        return [self.path, *self.options, *options]


def choose(named: str | None, run_root: str, env: Mapping[str, str]) -> Runtime:
    """The runtime that --runtime names, else crun where the host has pure cgroup v2, else runc. Raises Unavailable."""
    version = cgroups.version()
    order = [named] if named else ["crun", "runc"] if version != 1 else ["runc", "crun"]
    path = next(filter(None, (process.find(name, env.get("PATH", "")) for name in order)), None)
    if path is None:
        raise Unavailable(named or "OCI runtime", "is not installed", "install the package crun or runc")
    path = os.path.abspath(path)  # other commands use it too, from where they are
    name = os.path.basename(path)
    if version == 0 and name != "crun":
        raise Unavailable(
            name, "needs a mounted cgroup file system, and this host has none", "install the package crun"
        )
    return of(path, os.path.join(run_root, name), env)


def of(path: str, root: str, env: Mapping[str, str]) -> Runtime:
    """The runtime at `path` that keeps its state in `root`, with the cgroup driver that this host needs."""
    version = cgroups.version()
    return Runtime(path, root, env, systemd=version == 2 and cgroups.has_systemd(), no_cgroups=version == 0)


def last_error(log: str) -> str:
    """The last error in a runtime's JSON log; '' when it logged none."""
    try:
        with open(log, "rb") as file:
            lines = file.read(_LOG_LIMIT).splitlines()
    except FileNotFoundError:
        return ""
    for line in reversed(lines):
        try:
            entry = jsondoc.load_object(line, "runtime log")
        except jsondoc.FormatError:
            continue
        if entry.get("level") in ("error", "fatal") or "level" not in entry:
            return " ".join(str(entry.get("msg") or "").split())
    return ""
