"""Containers that live on: waiting until something is so, what their processes are, and a reboot of this machine as
far as they can see."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import leaks
from boxes import Box

from ocipipe.host import mounts, process

PATIENCE = 240.0
"""Seconds after which what is waited for has failed to come; nothing depends on how fast it comes."""


def until(condition: Callable[[], Any]) -> Any:
    """Waits until the condition holds; what it gave."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.02)
    return found


def state(box: Box, name: str) -> dict[str, Any]:
    """A container as ctr-ps shows it; {} for none."""
    found = box.run("ctr-ps", "-a", "--filter", f"name={name}").documents
    return found[0] if found else {}


def annotation(box: Box, name: str, key: str) -> str | None:
    """An annotation of ours, without its prefix."""
    found: str | None = state(box, name).get("annotations", {}).get(f"org.ocipipe.{key}")
    return found


def record(box: Box, name: str) -> dict[str, Any]:
    """A container's record, by its name."""
    (found,) = (one for one in box.records() if one["name"] == name)
    return found


def run_directory(box: Box, name: str) -> Path:
    """Its run-time directory."""
    return Path(box.run.env["OCIPIPE_RUN_ROOT"], "containers", record(box, name)["id"])


def events(box: Box, name: str) -> list[str]:
    """What has happened to a container, in order."""
    return [one["action"] for one in box.run("ctr-events", "--no-follow", "--filter", f"container={name}").documents]


def processes(box: Box, name: str) -> dict[int, str]:
    """Everything that runs for a container on the host, monitor, shells and its own processes alike."""
    container_id = record(box, name)["id"]
    return {pid: words for pid, words in leaks.processes(box.root.parent).items() if container_id in told(pid, words)}


def told(pid: int, words: str) -> str:
    """The arguments of a process, and where its root is from."""
    try:
        return words + Path(f"/proc/{pid}/mountinfo").read_text().partition("\n")[0]
    except OSError:
        return words


def kill(*pids: int) -> None:
    """kill -9 all at once, so that none has a last word on another's end; and gone."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
    until(lambda: not any(map(process.is_alive, pids)))


def pid(box: Box, name: str, what: str) -> int:
    """The process id in a file of its run-time directory: pid, monitor, health or restart."""
    return int((run_directory(box, name) / what).read_text())


def reboot(box: Box) -> None:
    """Everything that a reboot takes: all processes at once, mounts, cgroups, and the run-time directory."""
    ids = [one["id"] for one in box.records()]
    groups = [Path(top) for one in ids for top, _, _ in os.walk("/sys/fs/cgroup") if Path(top).name == one]
    for group in groups:
        if (group / "freezer.state").exists():  # what is frozen does not even hear of SIGKILL
            (group / "freezer.state").write_text("THAWED")
    while left := leaks.processes(box.root.parent):
        kill(*left)
    mounts.unmount_under(str(box.root))
    for group in groups:
        until(lambda group=group: not group.exists() or not (group / "cgroup.procs").read_text())
        if group.exists():  # systemd has removed its own
            group.rmdir()
    shutil.rmtree(box.run.env["OCIPIPE_RUN_ROOT"])
