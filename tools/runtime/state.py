"""What a container is doing, and the document that says so.

The record says what was last known for certain. What is true at this moment is seen through it: while the kernel lock
of `run.lock` is held, a monitor or runtime lives, and the process ids in the run-time directory are theirs; when it is
free and the record says running, the machine was restarted, the monitor was killed, or it is at its very end: conmon
closes every descriptor that it was given a moment before it writes down the exit status. No pid file is believed
without the lock, but that of a monitor whose command line names the container, so a reused process id deceives nobody.
"""

from __future__ import annotations

import os
import time

from ..host import cgroups, process
from . import background, first_process, oci

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.jsondoc import Document

    from ..store.container import Container

_POLL_SECONDS = 0.002


class Observed:
    """status: created, running, paused, restarting or stopped; pid: its first process, 0 when there is none; monitor:
    the process whose end means that the container's end is recorded, 0 when there is none; exit_code: None when it has
    not ended, or when nobody can know it; health: of one that runs and has a check, else ''."""

    __slots__ = ("exit_code", "health", "monitor", "pid", "status")

    def __init__(self, status: str, pid: int = 0, monitor: int = 0, exit_code: int | None = None) -> None:
        self.health = ""
        self.status = status
        self.pid = pid
        self.monitor = monitor
        self.exit_code = exit_code

    @property
    def runs(self) -> bool:
        """Whether it has a process."""
        return self.status in ("running", "paused")


def observe(container: Container, run_root: str, env: Mapping[str, str]) -> Observed:
    """What the container is doing at this moment."""
    found = _observe(container, run_root, env)
    if found.runs and container.record.get("health"):
        found.health = health(container, run_root)
        if found.health == "none" and not process.is_alive(found.pid):  # it has just ended, and with it who checked it
            return _observe(container, run_root, env)
    return found


def _observe(container: Container, run_root: str, env: Mapping[str, str]) -> Observed:
    record = container.record
    directory = container.run_directory(run_root)
    if container.is_held("run.lock"):
        pid = process.read_pid(os.path.join(directory, "pid"))
        monitor = process.read_pid(os.path.join(directory, "monitor"))
        if record["status"] == "created" or waits_to_begin(container, run_root):
            return Observed("created", 0, monitor)
        if pid and process.is_alive(pid):
            return Observed("paused" if cgroups.is_frozen(pid) else "running", pid, monitor)
        if record["status"] == "stopped":  # being started again
            waiting = background.is_there(container, run_root, background.RESTART)
            return Observed("restarting" if waiting else "stopped", 0, monitor, _known(record))
        code = exit_code(container)
        if not pid and code is None:  # just coming: a monitor tells its process before that begins
            return Observed("created" if container.monitored else "running", 0, monitor)
        return Observed("stopped", 0, monitor, code)
    if record["status"] != "running":
        waiting = record["status"] == "stopped" and background.is_there(container, run_root, background.RESTART)
        return Observed("restarting" if waiting else str(record["status"]), exit_code=_known(record))
    code, monitor = _at_its_end(container, directory)
    if code is not None:
        return Observed("stopped", 0, monitor, code)
    pid = process.read_pid(os.path.join(directory, "pid"))
    if pid and process.is_alive(pid):  # its monitor was killed: the runtime knows whether this is still its process
        status = oci.of(str(record["runtime"]), str(record["runtimeRoot"]), env).status(container.id)
        if status in ("running", "paused"):
            return Observed(status, pid)
    return Observed("stopped")


def _at_its_end(container: Container, directory: str) -> tuple[int | None, int]:
    """The exit status that is written down, and the monitor that did it, if it still lives. One that is about to is
    waited for, unless it has called us and so waits for us: then it could not write."""
    while True:
        monitor = process.read_pid(os.path.join(directory, "monitor"))
        lives = bool(monitor) and process.has_word(monitor, container.id)
        code = exit_code(container)
        if code is not None or not lives or monitor == os.getppid():
            return code, monitor if lives else 0
        time.sleep(_POLL_SECONDS)


def waits_to_begin(container: Container, run_root: str) -> bool:
    """Whether a monitor has created the container and nobody has told its process to begin. Who holds the container's
    lock knows then that nobody will."""
    root = str(container.record["runtimeRoot"])
    pid = process.read_pid(os.path.join(container.run_directory(run_root), "pid"))
    return bool(pid) and first_process.waits_to_begin(root, container.id, pid) and container.is_held("run.lock")


def is_coming(container: Container, run_root: str) -> bool:
    """Whether somebody is just about to let a container's process begin, or was killed on the way."""
    return container.is_held("run.lock") and observe(container, run_root, {}).status == "created"


def exit_code(container: Container) -> int | None:
    """The exit status that the monitor wrote down; None when it has not."""
    try:
        with open(os.path.join(container.path, "exit", container.id), "rb") as file:
            text = file.read(16).strip()
    except FileNotFoundError:
        return None
    return int(text) & 0xFF if text.isdigit() else None


def health(container: Container, run_root: str) -> str:
    """starting, healthy or unhealthy, of a container that is checked and runs; none when nobody checks it, because
    who did was killed."""
    from . import health as checks

    found = checks.read(container, run_root) if background.is_there(container, run_root, background.HEALTH) else None
    return "none" if found is None else str(found["status"])


def document(container: Container, observed: Observed) -> Document:
    """A container as it is on a pipe (schema container): its runtime state, and what we know of it as annotations."""
    record = container.record
    image: Document = record.get("image") or {}  # type: ignore[assignment]
    directory: Document = record.get("rootfs") or {}  # type: ignore[assignment]
    names: Document = image.get("annotations") or {}  # type: ignore[assignment]
    ours = {
        "name": container.name,
        "image": names.get("org.opencontainers.image.ref.name") or image.get("digest"),
        "rootfs": directory.get("path"),
        "command": " ".join(record.get("command") or ()),  # type: ignore[arg-type]
        "created": record["created"],
        "started": record.get("started"),
        "finished": None if observed.runs else record.get("finished"),
        "exit-code": None if observed.exit_code is None else str(observed.exit_code),
        "health": observed.health or None,
        "restart-count": str(record["restartCount"]) if record.get("restartCount") else None,
        "checkpoint": record["checkpoint"]["created"] if record.get("checkpoint") else None,  # type: ignore[index]
        "networks": " ".join(record.get("networks") or ()) or None,  # type: ignore[arg-type]
        "ports": " ".join(record.get("published") or ()) or None if observed.runs else None,  # type: ignore[arg-type]
    }
    labels: Document = record["labels"]  # type: ignore[assignment]
    found: Document = {"ociVersion": oci.VERSION, "id": container.id, "status": observed.status}
    if observed.pid:
        found["pid"] = observed.pid
    found["bundle"] = container.path
    found["annotations"] = labels | {f"org.ocipipe.{key}": value for key, value in ours.items() if value is not None}
    return found


def _known(record: Document) -> int | None:
    code = record["exitCode"]
    return code if isinstance(code, int) else None
