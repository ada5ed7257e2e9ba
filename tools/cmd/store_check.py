"""store-check: what is wrong with the store."""

from __future__ import annotations

from ..cli.declare import Command, Option
from ..errors import Corrupt, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "store-check",
    "check everything that the store holds",
    description="Looks at every blob, name, record, unpacked layer, lease and partial download, and prints a document "
    "for each thing that is wrong: what it is, what it affects and what mends it. Severity error is damage; garbage is "
    "what killed commands and removed images left, which harms nobody. Nothing is changed, and other commands may work "
    "meanwhile. Without an option, every blob is read and compared with its digest.",
    options=(
        Option("--fast", "look at names, sizes and structure only, and read no layers", kind="flag"),
        Option("--deep", "compare unpacked layers with their blobs as well, file by file", kind="flag"),
    ),
    writes="finding",
    exits={1: "something is damaged (garbage alone is no failure), or the store could not be checked"},
    examples=(
        ("store-check", "check all blobs, names and records"),
        ("store-check --deep | img-pull --repair", "mend what is damaged: fetch it again, unpack it again"),
        ("store-check --fast | jq -r 'select(.severity == \"error\").problem'", "what is wrong, in words"),
    ),
    see=("img-pull", "img-ls"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Checks the store."""
    from ..store.store import Store
    from ..upkeep.check import DEEP, FAST, FULL, check

    if args.fast and args.deep:
        raise UsageError("--fast --deep", "are two different checks", "choose one of them")
    damaged = 0
    for found in check(ctx, Store(ctx.root), DEEP if args.deep else FAST if args.fast else FULL):
        damaged += found["severity"] == "error"
        yield found
    if damaged:
        things = "one thing is" if damaged == 1 else f"{damaged} things are"
        yield Corrupt(ctx.root, f"{things} damaged", "each finding says what mends it")
