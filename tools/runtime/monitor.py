"""The monitor: conmon, one small process for each container that outlives the command that started it.

It creates the container through the OCI runtime, holds its streams or terminal, writes its log, listens for who
attaches, and at the end writes down the exit status and calls our `ctr-cleanup`, for whose end it waits. It inherits
the lock of `run.lock`: while that is held, the monitor lives.

conmon's own protocol: the process id of what it has created comes as JSON through the pipe _OCI_SYNCPIPE.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Unavailable
from ..host import cgroups, files, process
from . import oci
from .oci import RuntimeFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence

    from ..store.container import Container
    from .oci import Runtime
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

_PATIENCE_SECONDS = 5
_ANSWER_LIMIT = 1 << 16
PASSTHROUGH = "passthrough"
"""conmon's and our word for a log that is none: its own streams are the container's."""
CRIU_CONFIG = "CRIU_CONFIG_FILE"
"""Names a file of options for criu (criu(8)), which the runtime starts to take up a checkpoint."""
_PASSED = frozenset((
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", CRIU_CONFIG,
))  # fmt: skip
_PASSED_FAMILIES = ("OCIPIPE_", "CNI_")
"""What of our environment is for what outlives us: for the runtime, systemd-run and our commands. The rest is whoever's
who started the container (systemd gives its services sockets and descriptors), and takes 8 kB as long as it runs."""


def find(env: Mapping[str, str]) -> str:
    """conmon's path. Raises Unavailable."""
    path = process.find("conmon", env.get("PATH", ""))
    if path is None:
        raise Unavailable("conmon", "is not installed, and containers need it to outlive a command",
                          "install the package conmon")  # fmt: skip
    return path


def argv(
    container: Container, runtime: Runtime, run_root: str, cleanup: Sequence[str], *, terminal: bool,
    log: Sequence[str], restored: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """conmon's command line, without conmon. `cleanup` is what it runs at the end; `log`: its options for the log;
    `restored`: a checkpoint's directory, and the runtime's options for it."""
    directory = container.run_directory(run_root)
    found = [
        "--api-version", "1", "--cid", container.id, "--cuuid", container.id, "--name", container.name,
        "--bundle", container.path, "--exit-dir", os.path.join(container.path, "exit"), "--full-attach",
        "--container-pidfile", os.path.join(directory, "pid"), "--conmon-pidfile", os.path.join(directory, "monitor"),
        "--log-level", "error", "--no-sync-log", *log,
        "--runtime", runtime.path,
    ]  # fmt: skip
    arguments = [*runtime.options, "--log", os.path.join(directory, "runtime.log"), "--log-format", "json"]
    found += [word for argument in arguments for word in ("--runtime-arg", argument)]
    if terminal:
        found.append("--terminal")
    if container.record.get("interactive"):
        found.append("--stdin")
        if terminal or not container.record.get("stdinOnce"):
            found.append("--leave-stdin-open")
    if restored:
        found += ["--restore", restored[0], *(word for option in restored[1:] for word in ("--runtime-opt", option))]
    if timeout := container.record.get("timeout"):
        found += ["--timeout", str(int(timeout))]  # type: ignore[call-overload]
    found += ["--exit-command", cleanup[0]]
    return found + [word for argument in cleanup[1:] for word in ("--exit-command-arg", argument)]


def create(
    container: Container,
    runtime: Runtime,
    run_root: str,
    cleanup: Sequence[str],
    env: Mapping[str, str],
    meanwhile: Callable[[], None],
    *,
    terminal: bool,
    log: Sequence[str],
    restored: Sequence[str] = (),
    held: Sequence[int] = (),
) -> int:
    """Starts a monitor, which creates the container; the id of its first process, which waits for `start`, or goes on
    at once where it is `restored` from a checkpoint (its directory, then the runtime's options). `meanwhile` is done
    while it comes: the runtime takes its time.

    The lock of `run.lock` is the monitor's from here on, and it has the descriptors of `held` as well. Raises
    RuntimeFailed with the runtime's own words, Unavailable, and Conflict when another monitor has the lock.
    """
    program = find(env)
    directory = container.run_directory(run_root)
    files.make_directories(directory, 0o700)
    files.make_directories(runtime.root, 0o700)
    os.makedirs(os.path.join(container.path, "exit"), 0o700, exist_ok=True)
    lock = container.lock_file("run.lock")
    try:
        for path in (os.path.join(directory, name) for name in ("pid", "monitor", "runtime.log")):
            files.remove_file(path)
        files.remove_file(os.path.join(container.path, "exit", container.id))
        files.remove_file(os.path.join(container.path, "oom"))
        read, write = os.pipe()
        try:
            words = [*scope(f"{container.id}-{os.urandom(4).hex()}", env), program]
            words += argv(container, runtime, run_root, cleanup, terminal=terminal, log=log, restored=restored)
            try:
                streams: tuple[int, ...] = ()
                if log[-1] == PASSTHROUGH:
                    streams = (0, 1, 2) if container.record.get("interactive") else (1, 2)
                pipes = {"_OCI_SYNCPIPE": write}
                pid = launch(words, env, directory, pipes, lock, *held, place=container.path, streams=streams)
            finally:
                os.close(write)
            try:
                meanwhile()
            finally:
                found = answer(read)  # it must not be left while nobody knows of it
            process.wait(pid)  # conmon goes on in a process of its own
        finally:
            os.close(read)
    finally:
        os.close(lock)  # closing ours leaves it to the monitor, if there is one
    if found > 0:
        return found
    raise RuntimeFailed(
        container.name,
        f"{runtime.name} cannot {'restore' if restored else 'create'} it: {problem(directory)}",
        "see the options, and the runtime's needs",
    )


def launch(
    argv: Sequence[str], env: Mapping[str, str], directory: str, pipes: Mapping[str, int], *keep: int, place: str,
    streams: tuple[int, ...] = (),
) -> int:  # fmt: skip
    """Starts a monitor, which writes `monitor.log` in its run-time directory; its process id.

    It has the descriptors of `pipes`, by the names that conmon has for them, and those of `keep`. `streams` are what it
    passes through, of our own; by itself it has none. `place` is its working directory, in which it leaves a file `oom`
    when the kernel has killed for want of memory.
    """
    environment = {key: value for key, value in env.items() if key in _PASSED or key.startswith(_PASSED_FAMILIES)}
    environment |= {"TZ": "UTC"}  # the log's times are in it
    environment |= {name: str(fd) for name, fd in pipes.items()}
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    errors = os.open(
        os.path.join(directory, "monitor.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
    )
    try:
        kept = (*pipes.values(), *keep)
        stdin, stdout, stderr = (own if own in streams else other for own, other in enumerate((null, null, errors)))
        words = process.within(place, argv)
        return process.spawn(words, env=environment, stdin=stdin, stdout=stdout, stderr=stderr, keep=kept)
    finally:
        os.close(null)
        os.close(errors)


def problem(directory: str) -> str:
    """Why a monitor did not do its work: in the runtime's words, or in its own, from its run-time directory."""
    with open(os.path.join(directory, "monitor.log"), encoding="utf-8", errors="replace") as file:
        own = file.read(_ANSWER_LIMIT).split("\n")
    told = oci.last_error(os.path.join(directory, "runtime.log"))
    return told or next(filter(None, own), "") or "it failed without a word"


def scope(unit: str, env: Mapping[str, str]) -> list[str]:
    """Where systemd keeps the cgroups, what a login session leaves running may be ended with it: the monitor gets a
    scope of its own. Its name must be new: who waits to start a container again is still in the one before. When the
    machine is shut down, it is let be until the unit that we install has stopped the containers: what comes before a
    unit is stopped after it."""
    if not (cgroups.version() == 2 and cgroups.has_systemd()):
        return []
    program = process.find("systemd-run", env.get("PATH", ""))
    if program is None:
        return []
    return [
        program, "--quiet", "--scope", "--collect", "--slice", "system.slice",
        "--unit", f"ocipipe-monitor-{unit}", "--property", "Before=ocipipe-shutdown.service", "--",
    ]  # fmt: skip


def answer(read: int) -> int:
    """What conmon says: a process id, or an exit status, else a number that is neither."""
    data = b""
    while len(data) < _ANSWER_LIMIT and b"\n" not in data and (part := os.read(read, 4096)):
        data += part
    try:
        told = jsondoc.load_object(data, "conmon")
    except jsondoc.FormatError:
        return -1
    found = told.get("data", told.get("pid", -1))
    return found if isinstance(found, int) else -1


def end(container: Container, run_root: str) -> None:
    """Ends a monitor whose container could not be started, so that it does not call for a clean-up."""
    path = os.path.join(container.run_directory(run_root), "monitor")
    pid = process.read_pid(path)
    if pid and container.is_held("run.lock"):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        process.await_end(pid, _PATIENCE_SECONDS)
