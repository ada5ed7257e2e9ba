"""Published and exposed ports: `[IP:][HOST:]CONTAINER[/PROTOCOL]`, each part a port or a range, to the long form."""

from __future__ import annotations

from . import forms, scalars
from .positions import Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .positions import Where

_PROTOCOLS = ("tcp", "udp", "sctp")
_LIKE = 'like "8080:80", "127.0.0.1:8080:80" or "3000-3005:3000-3005/udp"'


def port(value: Any, where: Where) -> Any:
    """One item of `ports` in the long form; of a range that is as long on both sides, a Sequence of them."""
    if isinstance(value, Mapping):
        return _long(value, where)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or where.unknown(value):
        return value
    rest, slash, protocol = value.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in _PROTOCOLS:
        raise where.refuse(f"{value!r} has no protocol that is known", "tcp, udp or sctp")
    if rest.startswith("["):
        address, _, rest = rest[1:].partition("]")
        parts = rest.removeprefix(":").split(":")
    else:
        parts = rest.split(":")
        address, parts = ":".join(parts[:-2]), parts[-2:]
    if len(parts) > 2:
        raise where.refuse(f"{value!r} is no port", _LIKE)
    target, published = parts[-1], parts[0] if len(parts) == 2 else ""
    if address and not _is_address(address):
        raise where.refuse(f"{value!r}: {address!r} is no address", _LIKE)
    targets = _range(target)
    hosts = _range(published) if published else None
    if targets is None or not targets[0] or (published and hosts is None):
        raise where.refuse(f"{value!r} is no port", _LIKE)
    first, last = targets
    if hosts is None:
        pairs = [(number, "") for number in range(first, last + 1)]
    elif first == last:
        # One port behind a range: whichever of it is free.
        pairs = [(first, published if hosts[0] != hosts[1] else str(hosts[0]))]
    elif hosts[1] - hosts[0] != last - first:
        raise where.refuse(f"{value!r} has ranges of different lengths", _LIKE)
    else:
        pairs = [(number, str(hosts[0] + number - first)) for number in range(first, last + 1)]
    made = Sequence(where.place)
    for number, host in pairs:
        made.put(_made(where, number, host, protocol, address), where.place)
    return made


def _is_address(text: str) -> bool:
    import _socket

    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, text)
            return True
        except OSError:
            pass
    return False


def _range(text: str) -> tuple[int, int] | None:
    first, dash, last = text.partition("-")
    numbers = []
    for one in (first, last if dash else first):
        if not (one.isascii() and one.isdigit()) or len(one) > 5 or not 0 <= int(one) <= 65535:
            return None
        numbers.append(int(one))
    return (numbers[0], numbers[1]) if numbers[0] <= numbers[1] else None


def _made(where: Where, target: int, published: str, protocol: str, address: str) -> Mapping:
    new = Mapping(where.place)
    if address:
        new["host_ip"] = address
    new["mode"] = "ingress"
    new["protocol"] = protocol
    if published:
        new["published"] = published
    new["target"] = target
    return new


def _published(value: Any, where: Where) -> Any:
    value = scalars.numeral(value, where)
    if isinstance(value, str) and value and not where.unknown(value):
        found = _range(value)
        if found is None:
            raise where.refuse(f"{value!r} is no port or range of ports", 'like "8080" or "8080-8090"')
        return str(found[0]) if found[0] == found[1] else value
    return value


def _protocol(value: Any, where: Where) -> Any:  # noqa: ARG001
    return value.lower() if isinstance(value, str) else value


def _host_ip(value: Any, where: Where) -> Any:
    if isinstance(value, str) and value and not where.unknown(value):
        value = value.strip("[]")
        if not _is_address(value):
            raise where.refuse(f"{value!r} is no address", "like 127.0.0.1 or ::1")
    return value


_FIELDS = forms.fields(
    {"target": scalars.whole, "published": _published, "protocol": _protocol, "host_ip": _host_ip}
)  # fmt: skip


def _long(value: Mapping, where: Where) -> Any:
    new = _FIELDS(value, where)
    new.setdefault("mode", "ingress")
    new.setdefault("protocol", "tcp")
    for key in ("published", "host_ip"):
        if new.get(key) == "":
            new.drop(key)
    return new


def key(value: Any) -> object:
    """What two ports of one list must not have in common."""
    if not isinstance(value, Mapping):
        return value
    return tuple(value.get(name) for name in ("host_ip", "target", "published", "protocol"))


def exposed(value: Any, where: Where) -> Any:
    """One item of `expose`: `PORT[-PORT][/PROTOCOL]` as a string."""
    value = scalars.numeral(value, where)
    if isinstance(value, str) and not where.unknown(value):
        number, slash, protocol = value.partition("/")
        if _range(number) is None or (slash and protocol not in _PROTOCOLS):
            raise where.refuse(f"{value!r} is no port", 'like "3000", "3000-3005" or "53/udp"')
    return value
