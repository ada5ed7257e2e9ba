"""net-check: what a crash has left of networks, found and put right."""

from __future__ import annotations

from ..cli.declare import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-check",
    "find and mend what is wrong with networks on this host",
    description="Holds what containers are to have against what the kernel has: interfaces, the firewall's rules, the "
    "service of names, addresses of containers that are gone. Prints each thing that is wrong, and puts it right. The "
    "exit status is 1 when something is wrong still.",
    options=(Option("-n, --dry-run", "only say what is wrong", kind="flag"),),
    writes="finding",
    examples=(("net-check", "mend what a crash has left"),),
    see=("net-ls", "ctr-cleanup", "store-check"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Finds and mends."""
    from ..containers import networking
    from ..store.store import Store

    return networking.check(ctx, Store(ctx.root), planning=args.dry_run)
