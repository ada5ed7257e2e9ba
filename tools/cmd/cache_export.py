"""cache-export: a cache mount of builds as an OCI artifact."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "cache-export",
    "make an artifact of a build's cache mount",
    description="Makes an OCI artifact of the files that RUN --mount=type=cache,id=ID keeps (without id=, the mount's "
    "target is its id), leaves it in the store, and prints its descriptor, for img-push to send it on. Owners, modes, "
    "times and extended attributes are kept, and the same files make the same artifact. While it is made, builds that "
    "want the mount wait.",
    operands=(Operand("ID", "id of the cache mount"),),
    options=(Option("-t, --tag", "name for the artifact; without one, it has its digest only", metavar="NAME"),),
    writes="descriptor",
    examples=(
        ("cache-export pip | img-push registry.local/cache/pip", "keep it in a registry"),
        ("cache-export pip | img-save --format oci > pip.tar", "keep it in a file"),
    ),
    see=("cache-import", "img-build", "store-prune"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Exports the cache mount."""
    from oci_spec import reference

    from ..build.cache_artifact import export
    from ..store.store import Store

    name = reference.parse(args.tag) if args.tag else None
    if name is not None and name.digest:
        raise UsageError(args.tag, "the digest follows from the content", "leave out @sha256:…")
    return export(ctx, Store(ctx.root), args.id, str(name or "")).document
