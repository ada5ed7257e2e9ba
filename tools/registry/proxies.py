"""Which proxy leads to a URL: the environment's `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`.

Upper case works too, lower case wins. This machine is reached directly always, as the peers do it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import Unsupported
from .settings import is_loopback
from .urls import PORTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def proxy_for(url: str, env: Mapping[str, str]) -> str | None:
    """The URL of the proxy for `url`; None where it is reached directly. Raises Unsupported for a SOCKS proxy."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    proxy = _variable(env, f"{parts.scheme}_proxy") or _variable(env, "all_proxy")
    if not proxy or is_loopback(parts.netloc.rpartition("@")[2]):
        return None
    port = parts.port or PORTS.get(parts.scheme, 0)
    if any(_excepted(rule.strip().lower(), host, port) for rule in _variable(env, "no_proxy").split(",")):
        return None
    scheme, separator, _ = proxy.partition("://")
    if separator and scheme.lower() not in PORTS:
        raise Unsupported(
            host, f"its proxy is reached by {scheme[:20]}, not by http", "name an http proxy, or no_proxy"
        )
    return proxy if separator else f"http://{proxy}"


def _variable(env: Mapping[str, str], name: str) -> str:
    return env.get(name) or env.get(name.upper()) or ""


def _excepted(rule: str, host: str, port: int) -> bool:
    """Whether a rule of no_proxy is about the host: `*`, a name with all below it, an address, a network; `:port`."""
    if rule in ("", "*"):
        return rule == "*"
    if "/" in rule:
        from ipaddress import ip_address, ip_network

        try:
            return ip_address(host) in ip_network(rule, strict=False)
        except ValueError:
            return False
    name, colon, wanted = rule.rpartition(":")
    if colon and wanted.isdigit() and (":" not in name or name.endswith("]")):
        if int(wanted) != port:
            return False
        rule = name
    rule = rule.strip("[]").removeprefix("*").removeprefix(".")
    return host == rule or host.endswith(f".{rule}")
