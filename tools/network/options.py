"""What command lines say about networks, parsed. Pure."""

from __future__ import annotations

from ..errors import UsageError
from . import addresses
from .asking import Wanted
from .conflist import DEFAULT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_KEYS = ("alias", "ip", "ip6", "mac", "interface", "link-local")
_MANY = ("alias", "link-local")


def network(text: str) -> Wanted:
    """`NAME[:alias=…,ip=…,ip6=…,mac=…,interface=…,link-local=…]`, the first and the last as often as wanted; `bridge`
    and `default` are what others call the default network. Raises UsageError."""
    name, _, rest = text.partition(":")
    name = DEFAULT if name in ("bridge", "default") else name
    found: dict[str, list[str]] = {}
    for part in rest.split(",") if rest else ():
        key, equals, value = part.partition("=")
        if key not in _KEYS or not equals or not value or (key in found and key not in _MANY):
            raise UsageError(f"--network {text}", f"{part} is no setting", f"each of {', '.join(_KEYS)} is KEY=VALUE")
        found.setdefault(key, []).append(value)
    if not name:
        raise UsageError(f"--network {text}", "names no network", "net-ls lists them")
    for alias in found.get("alias", ()):
        check_host_name(alias, "alias")
    one = {key: values[0] for key, values in found.items()}
    return wanted(
        name, found.get("alias", ()), one.get("ip"), one.get("ip6"), one.get("mac"), one.get("interface"),
        found.get("link-local", ()),
    )  # fmt: skip


def wanted(
    name: str, aliases: Sequence[str], ip: str | None, ip6: str | None, mac: str | None, interface: str | None,
    link_local: Sequence[str] = (),
) -> Wanted:  # fmt: skip
    """A wanted network whose values have been looked at. Raises UsageError."""
    for alias in aliases:
        check_host_name(alias, "alias")
    for version, value, option in ((4, ip, "--ip"), (6, ip6, "--ip6")):
        if value and addresses.parse(value, f"address for {option}")[0] != version:
            raise UsageError(f"{option} {value}", f"is no address of IPv{version}", "--ip is for IPv4, --ip6 for IPv6")
    for text in link_local:
        addresses.link_local(text)
    hardware = addresses.check_mac(mac) if mac else ""
    return Wanted(name, aliases, ip or "", ip6 or "", hardware, interface or "", link_local)


def check_host_name(text: str, what: str) -> None:
    """Raises UsageError for what is no name in the sense of RFC 1123 (and an underscore, which people use)."""
    labels = text.split(".")
    good = 0 < len(text) <= 253 and all(
        0 < len(label) <= 63
        and label.isascii()
        and label.replace("-", "").replace("_", "").isalnum()
        and not label.startswith("-")
        and not label.endswith("-")
        for label in labels
    )
    if not good:
        raise UsageError(text or "''", f"is no {what}", "use letters, digits, - and _")

