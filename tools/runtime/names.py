"""What a container knows of names: its hosts, hostname and resolv.conf (hosts(5), resolv.conf(5)). Pure.

What was asked for is kept in the record, so that every start and every copy of the container has it:

    {"domain": text, "servers": [address], "search": [domain], "options": [word], "hosts": [[name, address]],
     "links": [[name, container]]}

An address of GATEWAY stands for the host as the container sees it; that of a linked container is found at the start.
"""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

GATEWAY = "host-gateway"
_LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
_NOTHING = {"domain": "", "servers": [], "search": [], "options": [], "hosts": []}
_MOST = 253
_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


def asked_for(args: Any, domain: str, network: str) -> Document:
    """What --dns, --dns-search, --dns-option, --add-host and --link ask for; `network` is as inputs.Options has it.

    Raises UsageError.
    """
    for text in args.dns_search:
        if text != "." and not _is_name(text):
            raise UsageError(f"--dns-search {text}", "is no domain", "like example.org, or . for none")
    for text in args.dns_option:
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise UsageError(f"--dns-option {text}", "is no option of resolv.conf", "like ndots:2")
    return {
        "domain": domain,
        "servers": [_address(text, f"--dns {text}") for text in args.dns],
        "search": args.dns_search,
        "options": args.dns_option,
        "hosts": [_host(text, network) for text in args.add_host],
        **({"links": [one for text in args.link for one in link(text)]} if args.link else {}),
    }


def link(text: str) -> list[list[str]]:
    """--link CONTAINER[:NAME]: the names that it is known by, its own too, each with it. Raises UsageError."""
    container, colon, alias = text.partition(":")
    if not _is_name(container) or (colon and not _is_name(alias)):
        raise UsageError(f"--link {text}", "is not CONTAINER[:NAME]", "like db, or db:sql")
    return [[one, container] for one in dict.fromkeys((container, alias)) if one]


def _host(text: str, network: str) -> list[str]:
    """--add-host NAME:ADDRESS (or NAME=ADDRESS: an IPv6 address has colons)."""
    subject = f"--add-host {text}"
    separator = "=" if "=" in text else ":"
    name, _, address = text.partition(separator)
    if not _is_name(name):
        raise UsageError(subject, "is not NAME:ADDRESS", "like db:10.0.0.5, or host.internal:host-gateway")
    if address != GATEWAY:
        return [name, _address(address.removeprefix("[").removesuffix("]"), subject)]
    if network == "none":
        raise UsageError(subject, "there is no way to the host with --network none", "name another network")
    return [name, "127.0.0.1" if network == "host" else GATEWAY]


def _address(text: str, subject: str) -> str:
    from ipaddress import ip_address

    try:
        return str(ip_address(text))
    except ValueError:
        raise UsageError(subject, f"{text or '(nothing)'} is no address", "like 10.0.0.5 or fd00::5") from None


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _MOST and text.isascii() and text[0] not in ".-" and not set(text) - _CHARACTERS


def texts(
    host_name: str,
    asked: Document,
    *,
    hosts: str = "",
    resolver: str = "",
    own: Sequence[str] = ("127.0.0.1",),
    gateway: str = "",
) -> dict[str, str]:
    """The three files by name.

    `hosts` is the host's own file where the container has the host's network; `resolver` the resolv.conf that would do
    if nothing were asked for; `own` the container's addresses; `gateway` what GATEWAY stands for.
    """
    wanted: dict[str, Any] = {**_NOTHING, **asked}
    names = f"{host_name}.{wanted['domain']} {host_name}" if wanted["domain"] else host_name
    lines = f"{hosts.rstrip()}\n" if hosts else _LOCAL + "".join(f"{one}\t{names}\n" for one in own)
    lines += "".join(f"{gateway if where == GATEWAY else where}\t{name}\n" for name, where in wanted["hosts"])
    return {"hosts": lines, "hostname": f"{host_name}\n", "resolv.conf": _resolver(resolver, wanted)}


def _resolver(base: str, asked: dict[str, Any]) -> str:
    """`base` with each kind of line replaced that something was asked for of."""
    new = {
        "nameserver": [f"nameserver {one}" for one in asked["servers"]],
        "search": [f"search {' '.join(one for one in asked['search'] if one != '.')}"] if asked["search"] else [],
        "options": [f"options {' '.join(asked['options'])}"] if asked["options"] else [],
    }
    kept = []
    for line in base.splitlines():
        word = line.split()[0] if line.split() else ""
        if not new.get("search" if word == "domain" else word):
            kept.append(line)
    lines = [*kept, *(line for kind in new.values() for line in kind if line != "search ")]
    return "".join(f"{line}\n" for line in lines)
