"""A container's first process before it is its program: made by the runtime, and told to begin by `start`."""

from __future__ import annotations

import os
import time

FIFO = "exec.fifo"
"""In a container's state directory: what its first process waits for, until `start`."""
_FIRST = b":[2:INIT]"
"""How the first process is called until it is the program: runc:[2:INIT]. crun's has the runtime's own name."""
_NEVER_EXECUTED = 0x40
"""Of a process's flags: it was forked, and has executed nothing since (PF_FORKNOEXEC). What criu restored, too."""
_POLL_SECONDS = 0.002
_PATIENCE = 250
"""Polls in which a process that was told to begin may become its program; one that is frozen never does."""


def waits_to_begin(root: str, container_id: str, pid: int) -> bool:
    """Whether a container has been created, and its first process waits for `start`: in runc and crun it holds the
    pipe through which it is told, until it has been told. They remove that a moment later, the command runs by then."""
    if not os.path.exists(os.path.join(root, container_id, FIFO)):
        return False
    descriptors = f"/proc/{pid}/fd"
    try:
        return any(FIFO in os.readlink(f"{descriptors}/{fd}") for fd in os.listdir(descriptors))
    except (FileNotFoundError, ProcessLookupError):  # it ended, or was told, at this moment
        return False


def is_program(pid: int) -> bool:
    """Whether a container's first process has become its program, or has ended. Until then it is the runtime itself:
    runc takes every signal, and ends by most with a status that is nobody's (2); crun, number 1 of its namespace and
    with no handler, never hears of any."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            before, _, after = file.read().rpartition(b")")
    except (FileNotFoundError, ProcessLookupError):
        return True
    name = before.partition(b"(")[2]
    state, *_others, flags = after.split(maxsplit=7)[:7]
    if state in (b"Z", b"X") or not int(flags) & _NEVER_EXECUTED:
        return True
    return not (name.endswith(_FIRST) or name.startswith(b"crun"))


def await_program(pid: int) -> None:
    """Waits for that, half a second at most: what is sent to the process then is the program's."""
    for _ in range(_PATIENCE):
        if is_program(pid):
            return
        time.sleep(_POLL_SECONDS)
