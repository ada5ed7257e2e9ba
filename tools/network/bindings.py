"""The host's ports that containers get: whether one is free, found by taking it for a moment."""

from __future__ import annotations

import errno
import os
from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IPV6,
    IPPROTO_SCTP,
    IPV6_V6ONLY,
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
_FREE = range(49152, 65536)
"""Where a free port is looked for (RFC 6335: the dynamic ports)."""


def choose(wanted: Sequence[Port], taken: Iterable[Port], versions: Sequence[int], seed: int) -> list[Port]:
    """`wanted`, each with the one port of the host that it gets. `taken` are those of other containers, `versions`
    those of IP that the container has, `seed` is where the search for a free one begins.

    Raises Conflict for one that is in use, UsageError for an address that is not the host's.
    """
    chosen: dict[int, Port] = {}
    busy = list(taken)
    for place, port in sorted(enumerate(wanted), key=lambda one: not one[1].low or one[1].high - one[1].low):
        number = next((one for one in _candidates(port, seed) if _is_free(port, one, busy, versions)), 0)
        if not number:
            raise Conflict(
                f"-p {port}", "the host's port is in use", "publish on another, or leave the host's port out"
            )
        chosen[place] = Port(port.host_ip, number, number, port.container, port.protocol)
        busy.append(chosen[place])
    return [chosen[place] for place in range(len(wanted))]


def _candidates(port: Port, seed: int) -> Iterator[int]:
    if port.low:
        yield from range(port.low, port.high + 1)
    else:
        start = seed % len(_FREE)
        yield from _FREE[start:]
        yield from _FREE[:start]


def _is_free(port: Port, number: int, busy: Iterable[Port], versions: Sequence[int]) -> bool:
    """Whether neither another container nor a process of the host has it."""
    for version in port.versions:
        if version not in versions:
            continue
        address = port.host_ip or _ANY[version]
        for other in busy:
            if other.protocol == port.protocol and other.low == number and version in other.versions:
                theirs = other.host_ip or _ANY[version]
                if theirs == address or _ANY[version] in (theirs, address):
                    return False
        if not _binds(version, address, number, port):
            return False
    return True


def _binds(version: int, address: str, number: int, port: Port) -> bool:
    datagrams = port.protocol == "udp"
    try:
        one = socket(
            _FAMILY[version],
            (SOCK_DGRAM if datagrams else SOCK_STREAM) | SOCK_CLOEXEC,
            IPPROTO_SCTP if port.protocol == "sctp" else 0,
        )
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT):
            return True  # where the kernel does not speak it, no process has it
        raise
    try:
        if version == 6:
            one.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        if not datagrams:
            one.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)  # what lingers of closed connections takes nobody's port
        one.bind((address, number))
        if not datagrams:
            one.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(
                f"-p {port}", f"{address} is no address of this host", "publish on one that it has"
            ) from None
        raise Unavailable(
            f"-p {port}", f"cannot be taken: {os.strerror(error.errno or 0).lower()}", "publish on another port"
        ) from None
    finally:
        one.close()
    return True
