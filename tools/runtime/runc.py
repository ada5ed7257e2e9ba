"""What runc's `start` and `delete` do, done here where it is a few system calls: each saves the start of a program,
5 ms of CPU and twice that of waiting.

The first process of a created container waits for a reader of exec.fifo, writes a byte into it, and becomes the
command; whoever reads the byte removes the FIFO. A container that has ended has cgroups and a directory, and its
state.json names them. runc has done it like this since 1.0. Where something is not as it should be, nothing is done, or
half of it, which runc takes as well as we: then runc is asked, and has words for what is wrong.
"""

from __future__ import annotations

import os
import select

from oci_spec import jsondoc

from ..errors import OcipipeError
from ..host import cgroups, files, process, trees
from .first_process import FIFO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STATE_LIMIT = 4 << 20


def begin(directory: str, pid: int) -> bool:
    """Lets the first process of a created container begin, whose state is in `directory`; False when runc is to be
    asked. Hooks are not run."""
    fifo = os.path.join(directory, FIFO)
    try:
        lives = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        try:
            read = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            poll = select.poll()
            poll.register(read, select.POLLIN)
            poll.register(lives, select.POLLIN)
            poll.poll()
            try:
                told = os.read(read, 1)
            except BlockingIOError:  # it has ended before it came to that
                return False
        finally:
            os.close(read)
    finally:
        os.close(lives)
    return bool(told) and files.remove_file(fifo)


def delete(directory: str) -> bool:
    """Takes away what is left of a container without processes, whose state is in `directory`; False when runc is to be
    asked: one has a process yet, or there are hooks to be run, or systemd to be told."""
    try:
        data = files.read_limited(os.path.join(directory, "state.json"), _STATE_LIMIT)
        state: Any = jsondoc.load_object(data, "runc's state")
        config, groups, pid = state["config"], state["cgroup_paths"], state["init_process_pid"]
        simple = not (any(config["Hooks"].values()) or config["cgroups"]["Systemd"] or state["intel_rdt_path"])
        if not simple or process.is_alive(pid) or not all(map(cgroups.remove_empty, groups.values())):
            return False
    except (OcipipeError, jsondoc.FormatError, LookupError, TypeError, AttributeError):
        return False
    trees.remove_tree(directory)
    return True
