"""store-info: what is installed, where it keeps what, and what the host lacks."""

from __future__ import annotations

from ..cli.declare import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "store-info",
    "show this installation, its store and what the host has for it",
    description="Prints one document: the version, the store with its file system and what is free on it, the OCI "
    "runtimes that were found and which is used, cgroups, what the kernel can do, and everything that the host lacks, "
    "with what needs it and how to get it.",
    writes="store-info",
    examples=(
        ("store-info", "everything"),
        ("store-info | jq -r '.lacks[] | \"\\(.part): \\(.remedy)\"'", "what is missing, and how to get it"),
    ),
    see=("store-df", "store-check", "ctr-run"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:  # noqa: ARG001
    """Looks around."""
    from ..store.store import Store
    from ..upkeep.info import info

    return info(ctx, Store(ctx.root))
