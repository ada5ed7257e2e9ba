"""IPv4 and IPv6 as numbers: subnets, ranges, and which address is given out next. Pure.

The standard ipaddress module would cost every container's start more than all that is done with it here.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

_BITS = {4: 32, 6: 128}
_FAMILY = {4: AF_INET, 6: AF_INET6}
_LINK_LOCAL = {4: "169.254.0.0/16", 6: "fe80::/64"}
_DEFAULT = ("10.90.0.0", 16, 20)
_POOLS = (("10.91.0.0", 1024, 24), ("172.31.0.0", 256, 24), ("192.168.0.0", 256, 24))
"""Where subnets are taken from that nobody named: first address, number of subnets, length of each. They are not those
that docker (from 172.17.0.0/16 on) and podman (10.88.0.0/16, then 10.89.0.0/24) begin with."""


def parse(text: str, what: str = "address") -> tuple[int, int]:
    """Version and number of an address. Raises UsageError, naming `what` it should have been."""
    for version, family in _FAMILY.items():
        try:
            return version, int.from_bytes(inet_pton(family, text), "big")
        except (OSError, ValueError):  # ValueError: a null character
            continue
    raise UsageError(text or "''", f"is no {what}", "like 10.91.0.5 or fd00::5")


def text(version: int, number: int) -> str:
    """An address as it is written."""
    return inet_ntop(_FAMILY[version], number.to_bytes(_BITS[version] // 8, "big"))


class Subnet:
    """A network of addresses, `first` to `last`, all bits of the host part being 0 in `first`."""

    __slots__ = ("first", "length", "version")

    def __init__(self, version: int, first: int, length: int) -> None:
        self.version = version
        self.first = first
        self.length = length

    @classmethod
    def parse(cls, text: str, what: str = "subnet", *, host: bool = False) -> Subnet:
        """`10.91.0.0/24`. An address with bits beyond the length is refused, unless it may be a `host`'s in the
        subnet. Raises UsageError."""
        address, slash, length = text.partition("/")
        example = "like 10.91.0.0/24 or fd00:91::/64"
        if not slash or not (length.isascii() and length.isdigit()):
            raise UsageError(text or "''", f"is no {what}", example)
        try:
            version, number = parse(address)
        except UsageError:
            raise UsageError(text, f"is no {what}", example) from None
        bits = _BITS[version]
        if int(length) > bits:
            raise UsageError(text, f"is no {what}: an address of IPv{version} has {bits} bits", example)
        first = number >> bits - int(length) << bits - int(length)
        found = cls(version, first, int(length))
        if first != number and not host:
            raise UsageError(text, f"is no {what}: bits beyond the length are set", f"like {found}")
        return found

    @property
    def last(self) -> int:
        return self.first + (1 << _BITS[self.version] - self.length) - 1

    @property
    def usable(self) -> range:
        """The addresses that hosts may have: not the network's own nor, with IPv4, the broadcast address."""
        if self.length >= _BITS[self.version] - 1:
            return range(self.first, self.last + 1)
        return range(self.first + 1, self.last + (0 if self.version == 4 else 1))

    def has(self, version: int, number: int) -> bool:
        return version == self.version and self.first <= number <= self.last

    def overlaps(self, other: Subnet) -> bool:
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def within(self, number: int) -> str:
        """An address of this subnet with the subnet's length, as interfaces have it."""
        return f"{text(self.version, number)}/{self.length}"

    def __str__(self) -> str:
        return self.within(self.first)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subnet) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[int, int, int]:
        return self.version, self.first, self.length


def free_subnet(taken: Iterable[Subnet], *, default: bool = False) -> Subnet | None:
    """The first IPv4 subnet of our pools that overlaps none of `taken`; the default network's are larger."""
    busy = [subnet for subnet in taken if subnet.version == 4]
    for pool in (_DEFAULT, *_POOLS) if default else _POOLS:
        for candidate in _subnets(*pool):
            if not any(candidate.overlaps(one) for one in busy):
                return candidate
    return None


def _subnets(start: str, count: int, length: int) -> Iterator[Subnet]:
    first = parse(start)[1]
    for number in range(count):
        yield Subnet(4, first + (number << 32 - length), length)


def unique_local(seed: bytes, taken: Iterable[Subnet]) -> Subnet:
    """An IPv6 subnet of the kind that everybody makes for himself (RFC 4193: fd, 40 bits that nobody else has by
    chance, a subnet's number), from at least 5 random bytes or the digest of something."""
    busy = list(taken)
    prefix = (0xFD << 40 | int.from_bytes(seed[:5], "big")) << 80
    for number in range(1 << 16):
        candidate = Subnet(6, prefix | number << 64, 64)
        if not any(candidate.overlaps(one) for one in busy):
            return candidate
    raise AssertionError("65536 subnets of one network")


def next_address(usable: range, taken: Container[int], last: int | None) -> int | None:
    """The next free address after the one given out last, and from the beginning again; None when all are taken.

    An address that was given back rests for as long as there are others: whoever still knows it as the old one's would
    talk to the new one.
    """
    start = usable.index(last) + 1 if last is not None and last in usable else 0
    for part in (usable[start:], usable[:start]):
        for number in part:
            if number not in taken:
                return number
    return None


def link_local(text: str) -> str:
    """A link-local address with the length of its subnet, 169.254.0.0/16 or fe80::/64. Raises UsageError."""
    version, number = parse(text, "link-local address")
    subnet = Subnet.parse(_LINK_LOCAL[version])
    if number not in subnet.usable:
        raise UsageError(text, "is no link-local address", f"one in {subnet}")
    return subnet.within(number)


def mac(version: int, number: int) -> str:
    """A locally administered hardware address made of the IP address: whoever gets the address again is found under
    what neighbours remember."""
    tail = (number & 0xFFFFFFFF).to_bytes(4, "big")
    return ":".join(f"{byte:02x}" for byte in (0x0A, 0x58 if version == 4 else 0x5A, *tail))


def check_mac(text: str) -> str:
    """`text` in lower case when it is the hardware address of one interface. Raises UsageError."""
    parts = text.lower().split(":")
    good = len(parts) == 6 and all(len(part) == 2 and set(part) <= set("0123456789abcdef") for part in parts)
    if not good or int(parts[0], 16) & 1 or set(parts) == {"00"}:
        raise UsageError(text, "is no hardware address of an interface", "like 02:42:0a:5b:00:05")
    return text.lower()
