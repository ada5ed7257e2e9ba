"""One health check: a process in a running container, ended with all that it has started when it takes too long.

The runtime starts it detached and ends: the process becomes our child, with the pipe as its own output. So its exit
status is ours to have, and what it leaves running in the container holds nobody up.
"""

from __future__ import annotations

import os
import select
import time

from ..host import files, process
from . import oci
from .health import OUTPUT_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .oci import Runtime

_CHUNK = 1 << 16
"""As much as a pipe holds."""


def run(runtime: Runtime, container_id: str, spec: str, place: str, seconds: float) -> tuple[int, bytes]:
    """Runs the process that the file `spec` describes: its exit status and the beginning of its output, -1 and what it
    has said by then when it was ended after so many seconds. `place` begins the names of files of its own."""
    deadline = time.monotonic() + seconds
    process.adopt_orphans()
    log, pid_file = f"{place}.log", f"{place}.pid"
    read, write = os.pipe2(os.O_CLOEXEC)
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    try:
        starter = runtime.exec(container_id, spec, log, pid_file, (null, write, write), detach=True)
    finally:
        os.close(null)
        os.close(write)
    try:
        os.set_blocking(read, False)
        code, output = _end(starter, read, deadline)
        if code:  # not even started, or not in time
            return code, output or oci.last_error(log).encode()
        code, more = _end(process.read_pid(pid_file), read, deadline)
        return code, (output + more)[:OUTPUT_BYTES]
    finally:
        os.close(read)
        files.remove_file(pid_file)
        files.remove_file(log)


def _end(pid: int, read: int, deadline: float) -> tuple[int, bytes]:
    """How a child of ours ends, and what comes through the pipe until then."""
    output = _watch(pid, read, deadline)
    ended = process.await_end(pid, 0)
    if not ended:
        process.end_tree(pid)
    code = process.wait(pid)
    return code if ended else -1, output


def _watch(pid: int, read: int, deadline: float) -> bytes:
    """What comes through the pipe until the process ends, or until then."""
    output = b""
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(read, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            ready = [one for one, _ in poll.poll(left * 1000)]
            part = _read(read)
            output = (output + (part or b""))[:OUTPUT_BYTES]
            if fd in ready:
                break  # what it has left running may write on
            if part == b"":
                poll.unregister(read)
                read = -1
        return output
    finally:
        os.close(fd)


def _read(fd: int) -> bytes | None:
    """What is in the pipe; b"" at its end, None when there is nothing."""
    if fd < 0:
        return None
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None
