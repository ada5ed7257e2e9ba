"""Other containers that a container knows by names of its own (--link): lines in its /etc/hosts, true at its start."""

from __future__ import annotations

from ..errors import Conflict
from ..network import state as states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..context import Context
    from ..store.store import Store


def addresses(ctx: Context, store: Store, name: str, networks: Collection[str]) -> list[str]:
    """The addresses of a container that runs on one of these networks, on the first of them. Raises NotFound for one
    that there is not, Conflict for one that runs on none of them."""
    other = store.containers.find(name)
    state = states.read(ctx.run_root)
    for network in networks:
        for container_id, one in state.attachments(network):
            if container_id == other.id:
                return [str(ip["address"]).partition("/")[0] for ip in one["result"]["ips"]]
    raise Conflict(
        other.name, f"runs on none of the networks of who is to know it: {', '.join(networks)}",
        "start it, or net-connect it to one of them",
    )  # fmt: skip


def hosts(
    ctx: Context, store: Store, links: Sequence[Sequence[str]], networks: Collection[str]
) -> list[list[str]]:  # fmt: skip
    """[name, address] for each name in `links`, which are [name, container]. Raises as `addresses`."""
    return [[alias, one] for alias, name in links for one in addresses(ctx, store, name, networks)]
