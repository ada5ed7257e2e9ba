"""Network namespaces of containers.

A container's namespace is made before its runtime starts, by a system call of ours (0.5 ms; `ip netns add` is a process
and a mount), so that it is set up while everything else is prepared, and the container's first instruction finds its
interfaces. The runtime joins it by the path RUN_ROOT/netns/ID: a link to our descriptor of it. No mount holds it. From
the moment that we close the descriptor it lives by the container's processes alone, and the kernel takes its interfaces
away when the last of them is gone, whoever was killed before. A restart makes a new one under the same path, so that
config.json stays as it is.
"""

from __future__ import annotations

import os

from ..errors import Unavailable
from ..host import files, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_CLONE_NEWNET = 0x40000000
_ASIDE = ".new"


class Namespace:
    """A new network namespace, there for others under `path` until the end of the `with` block.

    `made` is the descriptor of one that was made for it, which is closed with it. Raises Unavailable where the kernel
    makes none.
    """

    __slots__ = ("_fd", "path")

    def __init__(self, run_root: str, container_id: str, made: int = -1) -> None:
        self.path = path_of(run_root, container_id)
        self._fd = made

    def __enter__(self) -> Namespace:
        files.make_directories(os.path.dirname(self.path), 0o711)
        if self._fd < 0:
            self._make()
        _link(self.path, f"/proc/{os.getpid()}/fd/{self._fd}")
        return self

    def _make(self) -> None:
        ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("unshare", _CLONE_NEWNET)
            try:
                self._fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            finally:
                _call("setns", ours, _CLONE_NEWNET)
        finally:
            os.close(ours)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def path_of(run_root: str, container_id: str) -> str:
    """Where the runtime finds a container's namespace while it starts: for config.json."""
    return os.path.join(run_root, "netns", container_id)


def point_to(run_root: str, container_id: str, pid: int) -> None:
    """Lets the path lead to the namespace of a process from now on: the container's, once it has started."""
    _link(path_of(run_root, container_id), f"/proc/{pid}/ns/net")


def forget(run_root: str, container_id: str) -> None:
    """Removes the path of a container that has no process any more."""
    path = path_of(run_root, container_id)
    files.remove_file(path)
    files.remove_file(path + _ASIDE)


def _link(path: str, target: str) -> None:
    """Lets a path lead to somewhere else. The container's lock is ours: what is aside, a killed command has left."""
    files.remove_file(path + _ASIDE)
    os.symlink(target, path + _ASIDE)
    os.rename(path + _ASIDE, path)


class inside:
    """This thread is in the namespace at `path` within the `with` block: processes started there stay in it.

    Raises Unavailable when there is none.
    """

    __slots__ = ("_ours", "_path")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        try:
            there = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise Unavailable(self._path, f"is no network namespace: {why}", "start the container again") from None
        try:
            self._ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            _call("setns", there, _CLONE_NEWNET)
        finally:
            os.close(there)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _call("setns", self._ours, _CLONE_NEWNET)
        os.close(self._ours)


def _call(name: str, *arguments: int) -> None:
    try:
        libc.call("network namespace", name, *arguments)
    except OSError as error:
        raise Unavailable(
            "network namespace", f"{name}: {str(error.strerror).lower()}", "run as root; --network host needs none"
        ) from None
