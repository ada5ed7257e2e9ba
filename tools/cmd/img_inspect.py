"""img-inspect: an image's documents."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-inspect",
    "show an image's documents",
    description="Prints one document with the image's descriptor, manifest and config (or index). With --manifest, "
    "--config or --index, prints that document's stored bytes unchanged, so that their digest holds.",
    operands=(Operand("REF", "image by reference, digest or a digest's beginning", required=False, many=True),),
    options=(
        Option("--manifest", "the manifest's bytes", kind="flag"),
        Option("--config", "the image config's bytes", kind="flag"),
        Option("--index", "the index's bytes", kind="flag"),
    ),
    objects="ref",
    reads="descriptor",
    writes="image",
    examples=(
        ("img-inspect debian:bookworm | jq .config.config.Env", "the environment of an image"),
        ("img-inspect --manifest debian:bookworm | sha256sum", "the manifest's digest, computed from its bytes"),
    ),
    see=("img-ls", "oci-validate"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object] | bytes:
    """Shows one image."""
    from ..images.listing import inspect, stored
    from ..images.local import find
    from ..store.store import Store

    parts = [part for part in ("manifest", "config", "index") if getattr(args, part)]
    if len(parts) > 1:
        raise UsageError(f"--{parts[0]}", f"does not go with --{parts[1]}", "choose one")
    store = Store(ctx.root)
    entry = find(store, item)
    return stored(store, entry, parts[0]) if parts else inspect(store, entry)
