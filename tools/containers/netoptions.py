"""From ctr-run's options to what a container's record says of its network.

Without --network it is on the network that $OCIPIPE_NETWORK names, and without that on the default one.
"""

from __future__ import annotations

from ..errors import UsageError
from . import joining

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..network.asking import Wanted
    from ..network.ports import Port
    from ..store.store import Store

_OWN = ("publish", "publish_all", "network_alias", "ip", "ip6", "mac_address", "link", "link_local_ip")
"""Options that need a network of ours."""
_NAMES = ("dns", "dns_search", "dns_option", "add_host")


def record(ctx: Context, store: Store, args: Any, image: ImageConfig, hostname: str) -> Document:
    """The record's fields `networkMode`, `networks`, `ports` and `hostname`; those that say something.

    Raises UsageError for what does not go together, NotFound for a network or a container that there is not.
    """
    how = mode(ctx, args)
    found: Document = {"networkMode": how}
    if how.startswith("container:"):
        found["networkMode"] = f"container:{store.containers.find(how.partition(':')[2]).id}"
    refused = (*_OWN, *_NAMES) if how.startswith("container:") else () if how == "networks" else _OWN
    given = [f"--{name.replace('_', '-')}" for name in refused if getattr(args, name)]
    if given:
        raise UsageError(given[0], f"does not go with --network {how}", "put it on a network of its own")
    exposed = _exposed(args.expose) if args.expose else []
    if how != "networks":
        return found
    from ..network import ports
    from ..network.networks import Networks

    wanted = _wanted(ctx, args)
    for one in wanted:
        joining.check_aliases(Networks(store).find(one.network), one)
    published = [port for text in args.publish for port in ports.parse(text)]
    if args.publish_all:
        there = {(port.container, port.protocol) for port in published}
        exposed += [port for text in image.exposed_ports for port in ports.parse(text)]
        exposed = list({(port.container, port.protocol): port for port in exposed}.values())
        published += [port for port in exposed if (port.container, port.protocol) not in there]
    return {
        **found,
        "networks": {one.network: joining.written(one) for one in wanted},
        "hostname": hostname,
        **({"ports": [str(port) for port in published]} if published else {}),
    }


def _exposed(texts: list[str]) -> list[Port]:
    """The ports that --expose names. Raises UsageError."""
    from ..network import ports

    for text in texts:
        if ":" in text:
            raise UsageError(f"--expose {text}", "is a port of the host", "name the container's, or use --publish")
    return [port for text in texts for port in ports.parse(text, "--expose")]


def network(ctx: Context, args: Any, container_id: str) -> str:
    """As runtime.inputs.Options has it. Raises UsageError."""
    how = mode(ctx, args)
    return joining.path(ctx, container_id) if how == "networks" else how


def _asked(ctx: Context, args: Any) -> list[str]:
    if args.network:
        return list(args.network)
    if usual := ctx.env.get("OCIPIPE_NETWORK"):
        return [usual]
    from ..network.conflist import DEFAULT

    return [DEFAULT]


def mode(ctx: Context, args: Any) -> str:
    """none, host, container:NAME, or networks. Raises UsageError for several that do not go together."""
    asked = _asked(ctx, args)
    special = [one for one in asked if one in ("none", "host") or one.startswith("container:")]
    if special and len(asked) > 1:
        raise UsageError(f"--network {special[0]}", "does not go with another --network", "leave one of them out")
    if special:
        if special[0] == "container:":
            raise UsageError("--network container:", "names no container", "like container:db")
        return special[0]
    return "networks"


def _wanted(ctx: Context, args: Any) -> list[Wanted]:
    from ..network import options

    found = [options.network(text) for text in _asked(ctx, args)]
    if len({one.network for one in found}) < len(found):
        raise UsageError("--network", "names one network twice", "name each once")
    first = found[0]
    single = {
        "--ip": args.ip, "--ip6": args.ip6, "--mac-address": args.mac_address, "--link-local-ip": args.link_local_ip,
    }  # fmt: skip
    for option, value in single.items():
        if value and len(found) > 1:
            raise UsageError(option, "is of one network, and there are several", "--network NAME:ip=…,mac=…")
    aliases = list(args.network_alias)
    found = [
        options.wanted(
            one.network, [*one.aliases, *aliases], one.ip, one.ip6, one.mac, one.interface, one.link_local
        )
        for one in found
    ]
    if any(single.values()):
        found = [
            options.wanted(
                first.network, found[0].aliases, args.ip or first.ip, args.ip6 or first.ip6,
                args.mac_address or first.mac, first.interface, [*first.link_local, *args.link_local_ip],
            )
        ]  # fmt: skip
    return found
