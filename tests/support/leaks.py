"""What tests must not leave on the machine: mounts below a directory, and processes that know that directory."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ocipipe.host import mounts


def processes(directory: Path) -> dict[int, str]:
    """Living processes, but for this one and those that started it, that name the directory in their arguments,
    environment or working directory, or that have it behind their root file system (containers)."""
    wanted = os.fsencode(directory) + b"/"  # another session's may begin with the same words
    ours = _ancestors()
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in ours:
            continue
        try:
            arguments = Path(entry.path, "cmdline").read_bytes()
            knows = (
                wanted in arguments
                or wanted in Path(entry.path, "environ").read_bytes()
                or os.fsencode(os.readlink(f"{entry.path}/cwd") + "/").startswith(wanted)
                or any(wanted in line for line in Path(entry.path, "mountinfo").read_bytes().splitlines()[:1])
            )
        except OSError:  # it has just ended, or is a kernel thread
            continue
        if knows and arguments:
            found[int(entry.name)] = arguments.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def _ancestors() -> set[int]:
    found = set()
    pid = os.getpid()
    while pid > 1:
        found.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found | {1}


def after(directory: Path) -> list[str]:
    """Everything that is left, as lines for people; it is ended and unmounted, so that it harms nobody."""
    patience = time.monotonic() + 30  # a process that has been told to end may still be at it
    while (left := processes(directory)) and time.monotonic() < patience:
        time.sleep(0.05)
    lines = [f"process {pid}: {arguments}" for pid, arguments in left.items()]
    for pid in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    lines += [f"mount {point}" for point in mounts.mounted_under(str(directory))]
    mounts.unmount_under(str(directory))
    return lines


def of_containers(base: Path) -> list[str]:
    """All that is in the directory of a store's containers but its own two; what goes while it is looked at is gone."""
    found = [os.path.join(at, name) for at, directories, files in os.walk(base) for name in (*directories, *files)]
    return [path for path in found if path not in (f"{base}/names", f"{base}/rm")]
