"""img-tag: more names for an image."""

from __future__ import annotations

from ..cli.declare import Command, Operand
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-tag",
    "give an image of the store another name",
    description="Makes every NAME stand for the image SOURCE and prints its descriptor under each. With - as SOURCE, "
    "the image's descriptor is read from stdin. A name that stood for another image moves.",
    operands=(
        Operand("SOURCE", "image by reference or digest, or - for a descriptor on stdin"),
        Operand("NAME", "new reference: [registry/]repository[:tag]", many=True),
    ),
    reads="descriptor",
    writes="descriptor",
    examples=(
        ("img-tag debian:bookworm registry.local/base:v1", "name an image for another registry"),
        ("img-pull debian:bookworm | img-tag - base", "name what was pulled"),
    ),
    see=("img-push", "img-rm"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Tags the image."""
    from oci_spec import reference

    from ..cli.jsonio import one
    from ..images.local import find
    from ..store.reach import hold
    from ..store.store import Store

    names = [reference.parse(name) for name in args.name]
    for name in names:
        if name.digest:
            raise UsageError(str(name), "a name has no digest", "leave out @sha256:…")
    store = Store(ctx.root)
    with store.leases.hold() as lease:
        entry = find(store, one(ctx.stdin, "image") if args.source == "-" else args.source)
        hold(store, lease, entry)
        for name in names:
            yield store.refs.tag(entry, str(name)).document
