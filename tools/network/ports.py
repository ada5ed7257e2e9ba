"""Published ports: `-p [ip:][hostPort[-range]]:containerPort[-range][/protocol]`. Pure."""

from __future__ import annotations

from ..errors import UsageError
from . import addresses

PROTOCOLS = ("tcp", "udp", "sctp")
_FORM = "like 8080:80, 127.0.0.1:8080:80/udp, [::1]:8080:80 or 8000-8010:80-90"


class Port:
    """One port of a container that is published.

    host_ip     the host's address that it is published on, '' for all
    low, high   the host's port is one of these; 0, 0: any that is free. What was chosen has low == high
    container   the container's port
    protocol    tcp, udp or sctp
    """

    __slots__ = ("container", "high", "host_ip", "low", "protocol")

    def __init__(self, host_ip: str, low: int, high: int, container: int, protocol: str) -> None:
        self.host_ip = host_ip
        self.low = low
        self.high = high
        self.container = container
        self.protocol = protocol

    def __str__(self) -> str:
        ip = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        host = f"{self.low}-{self.high}" if self.high != self.low else str(self.low or "")
        return f"{ip + ':' if ip else ''}{host}:{self.container}/{self.protocol}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Port) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions of IP that it is published on: both, unless it names an address."""
        return (addresses.parse(self.host_ip)[0],) if self.host_ip else (4, 6)

    @property
    def document(self) -> dict[str, object]:
        """As CNI's portMappings have it (conventions, Dynamic Plugin specific fields)."""
        found: dict[str, object] = {
            "hostPort": self.low,
            "containerPort": self.container,
            "protocol": self.protocol,
        }
        return {**found, "hostIP": self.host_ip} if self.host_ip else found

    @classmethod
    def of(cls, document: dict[str, object]) -> Port:
        """From such a document."""
        number = int(str(document["hostPort"]))
        return cls(
            str(document.get("hostIP") or ""), number, number, int(str(document["containerPort"])),
            str(document["protocol"]),
        )  # fmt: skip


def parse(text: str, flag: str = "-p") -> list[Port]:
    """The ports that one -p names, or what `flag` is. Raises UsageError.

    A range of the host's for one port of the container means any one of it; two ranges must be equally long.
    """
    rest, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in PROTOCOLS:
        raise UsageError(f"{flag} {text}", f"{protocol or 'an empty word'} is no protocol", "tcp, udp or sctp")
    host_ip = ""
    if rest.startswith("["):
        host_ip, bracket, rest = rest[1:].partition("]:")
        if not bracket or ":" not in host_ip:
            raise UsageError(f"{flag} {text}", "is no published port", _FORM)
        rest = rest if ":" in rest else f":{rest}"
    parts = rest.split(":")
    if len(parts) == 3 and not host_ip:
        host_ip, *parts = parts
    if len(parts) == 1:
        parts = ["", *parts]
    if len(parts) != 2:
        raise UsageError(f"{flag} {text}", "is no published port", _FORM)
    if host_ip:
        version, number = addresses.parse(host_ip, "address of this host to publish on")
        host_ip = addresses.text(version, number) if number else ("0.0.0.0" if version == 4 else "::")
    first, last = _range(parts[1], f"{flag} {text}")
    if not first:
        raise UsageError(f"{flag} {text}", "a container has no port 0", _FORM)
    low, high = _range(parts[0], f"{flag} {text}") if parts[0] else (0, 0)
    if bool(low) != bool(high):
        raise UsageError(f"{flag} {text}", "a range begins at 1", _FORM)
    if first == last:
        return [Port(host_ip, low, high, first, protocol)]
    if low and high - low != last - first:
        raise UsageError(f"{flag} {text}", "the two ranges are not equally long", _FORM)
    return [
        Port(host_ip, low and low + step, low and low + step, first + step, protocol)
        for step in range(last - first + 1)
    ]


def _range(text: str, whole: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = []
    for part in (first, last if dash else first):
        if not (part.isascii() and part.isdigit()) or len(part) > 5 or int(part) > 65535:
            raise UsageError(whole, f"{part or 'an empty word'} is no port", "a port is a number up to 65535")
        numbers.append(int(part))
    if numbers[0] > numbers[1]:
        raise UsageError(whole, f"the range {text} runs backwards", _FORM)
    return numbers[0], numbers[1]
