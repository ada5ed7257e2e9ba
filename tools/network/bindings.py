"""The host's ports that containers get: whether one is free, found by taking it; and it is held from then on.

What is published is led to its container before any socket sees it. The socket is for others: a program of the host
that wants the port later is refused it, as with docker's and podman's. It does not listen, so what reaches it by any
other way is refused as by a port that nobody has. Whoever runs the container keeps it open: the monitor, or ctr-run.
"""

from __future__ import annotations

import errno
import os
from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IPV6,
    IPPROTO_SCTP,
    IPV6_V6ONLY,
    SHUT_RDWR,
    SO_REUSEADDR,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)  # fmt: skip

from ..errors import Conflict, Unavailable, UsageError
from .ports import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ANY = {4: "0.0.0.0", 6: "::"}
_FAMILY = {4: AF_INET, 6: AF_INET6}
_KINDS = {"tcp": (SOCK_STREAM, 0), "udp": (SOCK_DGRAM, 0), "sctp": (SOCK_STREAM, IPPROTO_SCTP)}
_FREE = range(49152, 65536)
"""Where a free port is looked for (RFC 6335: the dynamic ports)."""
_NEAR = 256
"""Sockets that stay where they are. Those of more ports go up among the descriptors, where they leave room below."""


class Holds:
    """Sockets that hold ports, for the length of a `with` block."""

    __slots__ = ("_far", "_limits", "_sockets")

    def __init__(self) -> None:
        self._sockets: list[socket] = []
        self._far: list[int] = []
        self._limits: tuple[int, int] | None = None

    def __enter__(self) -> Holds:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, sockets: Sequence[socket]) -> None:
        """Takes sockets in. Raises Unavailable when this process may not have so many descriptors."""
        near = max(0, _NEAR - len(self._sockets))
        self._sockets += sockets[:near]
        for one in sockets[near:]:
            try:
                self._far.append(self._moved(one.fileno()))
            finally:
                one.close()

    def _moved(self, fd: int) -> int:
        """A descriptor of the same socket above those that programs have room for, as far as we may go."""
        import fcntl
        import resource

        if self._limits is None:
            self._limits = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft, hard = self._limits
        try:
            return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, min(soft, hard // 2))
        except OSError:
            raise Unavailable(
                "-p", f"so many ports cannot be held with {hard} descriptors, which is the limit",
                "publish fewer, or raise the limit (ulimit -Hn)",
            ) from None  # fmt: skip

    def settle(self) -> None:
        """No more will come: the limit is again what it was, for us and for what we start."""
        if self._limits is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)
            self._limits = None

    def close(self) -> None:
        self.settle()
        for one in self._sockets:
            one.close()
        for fd in self._far:
            os.close(fd)
        self._sockets, self._far = [], []

    @property
    def descriptors(self) -> list[int]:
        return [*(one.fileno() for one in self._sockets), *self._far]


def choose(
    wanted: Sequence[Port], taken: Iterable[Port], versions: Sequence[int], seed: int, holds: Holds
) -> list[Port]:
    """`wanted`, each with the one port of the host that it gets, which `holds` has from now on. `taken` are those of
    other containers, `versions` those of IP that the container has, `seed` is where the search for a free one begins.

    Raises Conflict for one that is in use, UsageError for an address that is not the host's, Unavailable for more than
    can be held.
    """
    try:
        return _chosen(wanted, taken, versions, seed, holds)
    finally:
        holds.settle()


def _chosen(
    wanted: Sequence[Port], taken: Iterable[Port], versions: Sequence[int], seed: int, holds: Holds
) -> list[Port]:
    chosen: dict[int, Port] = {}
    busy: dict[int, list[Port]] = {}
    for port in taken:
        busy.setdefault(port.low, []).append(port)
    for place, port in sorted(enumerate(wanted), key=lambda one: not one[1].low or one[1].high - one[1].low):
        for number in _candidates(port, seed):
            sockets = _take(port, number, busy.get(number, ()), versions)
            if sockets is not None:
                holds.add(sockets)
                break
        else:
            raise Conflict(
                f"-p {port}", "the host's port is in use", "publish on another, or leave the host's port out"
            )
        chosen[place] = Port(port.host_ip, number, number, port.container, port.protocol)
        busy.setdefault(number, []).append(chosen[place])
    return [chosen[place] for place in range(len(wanted))]


def _candidates(port: Port, seed: int) -> Iterator[int]:
    if port.low:
        yield from range(port.low, port.high + 1)
    else:
        start = seed % len(_FREE)
        yield from _FREE[start:]
        yield from _FREE[:start]


def _take(port: Port, number: int, busy: Iterable[Port], versions: Sequence[int]) -> list[socket] | None:
    """Sockets that hold it; None where another container or a process of the host has it."""
    if any(_is_other_s(port, busy, version) for version in port.versions if version in versions):
        return None
    found: list[socket] = []
    for version in port.versions:
        if version in versions:
            taken = _bound(version, port.host_ip or _ANY[version], number, port)
            if taken is None:
                for one in found:
                    one.close()
                return None
            found += taken
    return found


def _is_other_s(port: Port, busy: Iterable[Port], version: int) -> bool:
    """Whether one of those that have the number has it."""
    address = port.host_ip or _ANY[version]
    for other in busy:
        if other.protocol == port.protocol and version in other.versions:
            theirs = other.host_ip or _ANY[version]
            if theirs == address or _ANY[version] in (theirs, address):
                return True
    return False


def _bound(version: int, address: str, number: int, port: Port) -> list[socket] | None:
    """A socket that has it; none where the kernel does not speak the protocol, so that no process can."""
    kind, protocol = _KINDS[port.protocol]
    try:
        one = socket(_FAMILY[version], kind | SOCK_CLOEXEC, protocol)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT):
            return []
        raise Unavailable(f"-p {port}", os.strerror(error.errno or 0).lower(), "publish fewer ports") from None
    try:
        if version == 6:
            one.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        if port.protocol == "tcp":
            one.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)  # what lingers of closed connections takes nobody's port
        one.bind((address, number))
        if port.protocol == "tcp":
            one.listen(1)
            one.shutdown(SHUT_RDWR)  # it has the port still, and from here on shares it with nobody
            one.setsockopt(SOL_SOCKET, SO_REUSEADDR, 0)
        return [one]
    except OSError as error:
        one.close()
        if error.errno == errno.EADDRINUSE:
            return None
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(
                f"-p {port}", f"{address} is no address of this host", "publish on one that it has"
            ) from None
        raise Unavailable(
            f"-p {port}", f"cannot be taken: {os.strerror(error.errno or 0).lower()}", "publish on another port"
        ) from None
