"""A monitor beside one more process of a container, so that its terminal outlives the command that started it.

conmon again, with the runtime's `exec`. All that it has lies in a directory of its own, which it removes at the end. It
waits for who wants to be attached before the process begins, and tells them the exit status.
"""

from __future__ import annotations

import os

from ..errors import Unavailable
from ..host import process
from . import monitor
from .oci import RuntimeFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..store.container import Container
    from .oci import Runtime


class ExecMonitor:
    """The monitor of one process; for a `with` block. `directory` is its own, `spec` a file in it."""

    __slots__ = ("_container", "_directory", "_env", "_read", "_runtime")

    def __init__(self, container: Container, runtime: Runtime, directory: str, env: Mapping[str, str]) -> None:
        self._container = container
        self._runtime = runtime
        self._directory = directory
        self._env = env
        self._read = -1

    def __enter__(self) -> ExecMonitor:
        return self

    def __exit__(self, *_: object) -> None:
        if self._read >= 0:
            os.close(self._read)

    def start(self, spec: str, ready: Callable[[], None] | None = None) -> int:
        """Starts it, which starts the process, on a terminal; the process's id.

        `ready` is called when one can be attached, and the process has not begun. Raises RuntimeFailed, Unavailable.
        """
        self._read, sync = os.pipe()
        pipes = [self._read, sync]
        try:
            words = [*monitor.scope(os.path.basename(self._directory), self._env), monitor.find(self._env)]
            words += self._argv(spec, attached=ready is not None)
            named = {"_OCI_SYNCPIPE": sync}
            if ready is not None:
                wait, go = os.pipe()
                told, tell = os.pipe()
                pipes += [wait, go, told, tell]
                named |= {"_OCI_STARTPIPE": wait, "_OCI_ATTACHPIPE": tell}
            pid = monitor.launch(words, self._env, self._directory, named, place=self._directory)
            for fd in named.values():
                os.close(fd)
                pipes.remove(fd)
            if ready is not None:
                os.write(go, b"\0")  # first it waits to be put into a cgroup
                if monitor.answer(told) == 0:
                    ready()
                    os.write(go, b"\0")
            found = monitor.answer(self._read)
            process.wait(pid)  # conmon goes on in a process of its own
        finally:
            for fd in pipes:
                if fd != self._read:
                    os.close(fd)
        if found > 0:
            return found
        raise RuntimeFailed(
            self._container.name, f"{self._runtime.name} cannot start the process: {monitor.problem(self._directory)}"
        )

    def exit_status(self) -> int:
        """The exit status of the process, once it has ended. Raises RuntimeFailed when the monitor was killed."""
        status = monitor.answer(self._read)
        if status < 0:
            raise RuntimeFailed(self._container.name, "nobody knows the exit status: the process's monitor was killed")
        return status

    def _argv(self, spec: str, *, attached: bool) -> list[str]:
        place = self._directory
        remove = process.find("rm", self._env.get("PATH", ""))
        if remove is None:
            raise Unavailable("rm", "is not installed", "install the package coreutils")
        arguments = [
            *self._runtime.options, "--log", os.path.join(place, "runtime.log"), "--log-format", "json",
        ]  # fmt: skip
        return [
            "--api-version", "1", "--cid", self._container.id, "--cuuid", os.path.basename(place),
            "--name", self._container.name, "--bundle", place, "--exit-dir", place, "--full-attach",
            "--exec", "--exec-process-spec", spec, "--terminal", "--stdin",
            "--container-pidfile", os.path.join(place, "pid"), "--conmon-pidfile", os.path.join(place, "monitor"),
            "--log-level", "error", "--log-path", "none", "--runtime", self._runtime.path,
            *(["--exec-attach"] if attached else []),
            *(word for argument in arguments for word in ("--runtime-arg", argument)),
            "--exit-command", remove, "--exit-command-arg", "-rf", "--exit-command-arg", place,
        ]  # fmt: skip
