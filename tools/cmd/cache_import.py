"""cache-import: an OCI artifact as a cache mount of builds."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "cache-import",
    "fill a build's cache mount from an artifact",
    description="Makes the files of an artifact that cache-export has made those of RUN --mount=type=cache,id=ID, so "
    "that a build on a new machine begins with them; and prints the artifact's descriptor. A cache mount that has "
    "files already stays as it is and is refused, unless --replace is given: then the builds that use it are waited "
    "for. Of an artifact that is damaged or hostile nothing stays.",
    operands=(
        Operand("ID", "id of the cache mount"),
        Operand("NAME", "artifact in the store; left out, a descriptor is read from stdin", required=False),
    ),
    options=(Option("--replace", "put the files in the place of those that are there", kind="flag"),),
    reads="descriptor",
    writes="descriptor",
    examples=(("img-pull registry.local/cache/pip | cache-import pip", "begin with what another machine has kept"),),
    see=("cache-export", "img-build", "img-pull"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Imports the artifact."""
    from ..build.cache_artifact import take_in
    from ..cli.jsonio import one
    from ..images.local import find
    from ..store.store import Store

    store = Store(ctx.root)
    source = find(store, one(ctx.stdin, "artifact") if args.name in (None, "-") else args.name)
    take_in(ctx, store, args.id, source, replace=args.replace)
    return source.document
