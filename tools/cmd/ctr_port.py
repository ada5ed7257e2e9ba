"""ctr-port: which ports of the host lead to containers."""

from __future__ import annotations

from ..cli.declare import Command, Operand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-port",
    "show which ports of the host lead to a container",
    description="Prints each published port of a running container, with the port of the host that leads to it; with "
    "PORT only that one, and fails when it is not published. The address is 0.0.0.0 where it is reached on every "
    "address of the host. --quiet prints ADDRESS:PORT. One that does not run has none. With - as CONTAINER, and with "
    "nothing, containers are read from stdin.",
    operands=(
        Operand("CONTAINER", "container by name, id or an id's beginning; - for stdin", required=False),
        Operand("PORT", "port of the container, like 80 or 53/udp (default protocol: tcp)", required=False),
    ),
    reads="container",
    writes="port",
    examples=(
        ("ctr-port web", "all that is published"),
        ("ctr-port -q web", "as addresses of the host alone"),
        ("ctr-ps | ctr-port | jq .hostPort", "the host's ports that all containers have"),
    ),
    see=("ctr-ps", "ctr-run", "net-inspect"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Shows the published ports."""
    from ..cli import jsonio
    from ..containers import publishing
    from ..store.store import Store

    items = jsonio.objects([args.container] if args.container else [], ctx.stdin, "container")
    return publishing.ports_of_each(ctx, Store(ctx.root), items, args.port)
