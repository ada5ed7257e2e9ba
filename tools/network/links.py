"""Interfaces, addresses and routes, made and taken away over rtnetlink(7): a fraction of a millisecond each, where `ip`
is a process. What is sent are the kernel's own structures (linux/netlink.h, if_link.h, if_addr.h, rtnetlink.h).
"""

from __future__ import annotations

import errno
import os
import time
from _socket import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    SOCK_CLOEXEC,
    SOCK_RAW,
    if_nametoindex,
    inet_pton,
    socket,
)
from sys import byteorder

from ..errors import Unavailable
from ..host import process
from . import programs
from .addresses import Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_NEWLINK, _DELLINK, _SETLINK, _NEWADDR, _NEWROUTE = 16, 17, 19, 20, 24
_REQUEST, _ACK, _EXCL, _CREATE = 1, 4, 0x200, 0x400
_NEW = _EXCL | _CREATE
_ADDRESS, _NAME, _MTU, _MASTER, _INFO, _FAMILIES, _GROUP, _NAMESPACE = 1, 3, 4, 10, 18, 26, 27, 28
_KIND, _DATA, _PORT_KIND, _PORT_DATA = 1, 2, 4, 5
_VETH_PEER, _HAIRPIN, _ISOLATED, _GENERATION, _NO_GENERATION = 1, 4, 33, 8, 1
_UP = 1
_NO_DETECTION = 2
_MAIN, _LOCAL, _BOOT, _UNICAST, _OWN = 254, 255, 3, 1, 2
_NUMBER = 0x6F63
"""Our group: devices of one group are deleted at once, and each alone costs two grace periods of the kernel's."""
_POLL_SECONDS = 0.0005


class Links:
    """The interfaces of the network namespace that we are in, for the length of a `with` block in which we stay there.

    Everything raises Unavailable with the kernel's reason.
    """

    __slots__ = ("_socket",)

    def __enter__(self) -> Links:
        self._socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)
        self._socket.bind((0, 0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def add_bridge(self, name: str, mac: str, mtu: int) -> None:
        info = _part(_INFO, _part(_KIND, b"bridge"))
        self._do(name, _NEWLINK, _NEW, _link(), _named(name), _hardware(mac), _size(mtu), info)

    def add_cable(
        self, name: str, bridge: str, namespace: str, inside: str, mac: str, mtu: int, *, apart: bool
    ) -> None:
        """A pair of interfaces: `name` here on a bridge, up, and `inside` in the namespace at that path, down yet.

        With hairpin a container reaches itself through its published port also where bridges call the firewall.
        """
        there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            peer = _link() + _named(inside) + _hardware(mac) + _size(mtu) + _part(_NAMESPACE, _u32(there))
            info = _part(_INFO, _part(_KIND, b"veth") + _part(_DATA, _part(_VETH_PEER, peer)))
            self._do(name, _NEWLINK, _NEW, _link(), _named(name), _size(mtu), info)
        finally:
            os.close(there)
        self.no_address_of_its_own(name)
        self.plug(name, bridge, apart=apart)

    def plug(self, name: str, bridge: str, *, apart: bool) -> None:
        """Puts an interface on a bridge, and up; `apart`: nothing goes over the bridge between it and others so."""
        self._do(name, _SETLINK, 0, _link(self._index(name), up=True), _part(_MASTER, _u32(self._index(bridge))))
        settings = _part(_HAIRPIN, b"\1") + (_part(_ISOLATED, b"\1") if apart else b"")
        port = _part(_INFO, _part(_PORT_KIND, b"bridge") + _part(_PORT_DATA, settings))
        self._do(name, _NEWLINK, 0, _link(self._index(name)), port)

    def no_address_of_its_own(self, name: str) -> None:
        """It gets no link-local IPv6 address, where the kernel has such."""
        family = _part(_FAMILIES, _part(AF_INET6, _part(_GENERATION, bytes([_NO_GENERATION]))))
        self._do(name, _SETLINK, 0, _link(self._index(name)), family, but=errno.EAFNOSUPPORT)

    def up(self, name: str) -> None:
        self._do(name, _SETLINK, 0, _link(self._index(name), up=True))

    def add_address(self, name: str, text: str) -> None:
        """`10.91.0.5/24`, with its broadcast address; IPv6 at once, as nobody else can have it."""
        subnet = Subnet.parse(text, host=True)
        family, own = _packed(text.partition("/")[0])
        flags = _NO_DETECTION if subnet.version == 6 else 0
        head = bytes([family, subnet.length, flags, 0]) + _u32(self._index(name))
        parts = [_part(2, own), _part(1, own)]
        if subnet.version == 4 and subnet.length < 31:
            parts.append(_part(4, subnet.last.to_bytes(4, "big")))
        self._do(f"address {text} of {name}", _NEWADDR, _NEW, head, *parts)

    def add_route(self, name: str, subnet: str, gateway: str) -> None:
        """The way to a subnet leads through a gateway beyond this interface."""
        found = Subnet.parse(subnet)
        family, first = _packed(subnet.partition("/")[0])
        head = bytes([family, found.length, 0, 0, _MAIN, _BOOT, 0, _UNICAST, 0, 0, 0, 0])
        parts = [_part(5, _packed(gateway)[1]), _part(4, _u32(self._index(name)))]
        if found.length:
            parts.append(_part(1, first))
        self._do(f"route to {subnet} by {name}", _NEWROUTE, _NEW, head, *parts)

    def take_for_own(self, name: str, address: str, metric: int) -> None:
        """What comes in by this interface for an IPv6 address is for the host itself."""
        family, number = _packed(address)
        head = bytes([family, 128, 0, 0, _LOCAL, _BOOT, 0, _OWN, 0, 0, 0, 0])
        parts = [_part(1, number), _part(4, _u32(self._index(name))), _part(6, _u32(metric))]
        self._do(f"route for {address} by {name}", _NEWROUTE, _NEW, head, *parts)

    def delete(self, names: list[str]) -> None:
        """All at once; those that are not there are passed over.

        They are gone for everybody when it returns. The kernel keeps who has asked for that waiting some 40 ms longer,
        until nothing refers to them any more: that is a process of its own, which has nothing of ours.
        """
        for name in names:
            self._do(name, _SETLINK, 0, _link(), _named(name), _part(_GROUP, _u32(_NUMBER)), but=errno.ENODEV)

        def delete() -> int:
            return self._ask(_DELLINK, 0, _link(), _part(_GROUP, _u32(_NUMBER)))

        try:
            child = process.apart(delete, self._socket.fileno())
        except OSError:  # there are too many processes: then it is us who wait
            number: int | None = delete()
        else:
            while (number := process.ended(child)) is None and any(map(_is_there, names)):
                time.sleep(_POLL_SECONDS)
            if number is None:
                process.let_go(child)
        _check(", ".join(names), number or 0, but=errno.ENODEV)

    def _index(self, name: str) -> int:
        try:
            return if_nametoindex(name)
        except OSError:
            raise Unavailable(name, "no such interface", "net-check looks after what others have changed") from None

    def _do(self, subject: str, kind: int, flags: int, *parts: bytes, but: int = 0) -> None:
        """One request, and the kernel's answer. The error `but` is none."""
        _check(subject, self._ask(kind, flags, *parts), but)

    def _ask(self, kind: int, flags: int, *parts: bytes) -> int:
        """The kernel's answer to a request: 0, or an error's number."""
        body = b"".join(parts)
        self._socket.send(_u32(16 + len(body)) + _u16(kind) + _u16(_REQUEST | _ACK | flags) + _u32(1) + _u32(0) + body)
        return -int.from_bytes(self._socket.recv(8192)[16:20], byteorder, signed=True)


def _check(subject: str, number: int, but: int) -> None:
    if number and number != but:
        raise programs.refused(subject, os.strerror(number).lower(), "the network is left as it was")


def _is_there(name: str) -> bool:
    try:
        return bool(if_nametoindex(name))
    except OSError:
        return False


def _u16(number: int) -> bytes:
    return number.to_bytes(2, byteorder)


def _u32(number: int) -> bytes:
    return number.to_bytes(4, byteorder)


def _part(kind: int, value: bytes) -> bytes:
    """struct nlattr, padded."""
    return _u16(4 + len(value)) + _u16(kind) + value + bytes(-len(value) % 4)


def _link(index: int = 0, *, up: bool = False) -> bytes:
    """struct ifinfomsg."""
    return bytes(4) + _u32(index) + (_u32(_UP) if up else bytes(4)) + (_u32(_UP) if up else bytes(4))


def _named(name: str) -> bytes:
    return _part(_NAME, name.encode() + b"\0")


def _hardware(mac: str) -> bytes:
    return _part(_ADDRESS, bytes.fromhex(mac.replace(":", "")))


def _size(mtu: int) -> bytes:
    return _part(_MTU, _u32(mtu)) if mtu else b""


def _packed(address: str) -> tuple[int, bytes]:
    family = AF_INET6 if ":" in address else AF_INET
    return family, inet_pton(family, address)
