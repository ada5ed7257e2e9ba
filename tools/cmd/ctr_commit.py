"""ctr-commit: a container as an image."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "ctr-commit",
    "make an image of what a container has changed",
    description="Makes a new image of a container: the layers of its image, and on top one with the container's "
    "changes, as ctr-diff lists them; without any there is no new layer. Prints the image's descriptor. The config is "
    "the image's, with --change applied: instructions of a Dockerfile, CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, "
    "LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR. The options that the container was made with, and what volumes "
    "hold, are no part of it. A running container stands still meanwhile.",
    operands=(
        Operand("CONTAINER", "container by name, id or an id's beginning; - for its document on stdin"),
        Operand("NAME", "name of the new image; without one, it has its digest only", required=False),
    ),
    options=(
        Option("-c, --change", "instruction to apply to the config, like 'CMD [\"sh\"]'", many=True),
        Option("-m, --message", "comment for the image's history", metavar="TEXT", default=""),
        Option("-a, --author", "author of the image", metavar="TEXT", default=""),
        Option("-p, --pause", "freeze the container meanwhile (default: true)", kind="flag", default=True),
    ),
    reads="container",
    writes="descriptor",
    examples=(
        ("ctr-run --name job debian:bookworm touch /new; ctr-commit job changed:1", "keep what a command has made"),
        (
            "ctr-run --name job debian:bookworm true; ctr-commit -c 'USER 1' job | img-push - registry.local/job",
            "make an image and push it",
        ),
    ),
    see=("ctr-diff", "ctr-export", "img-push"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Commits the container."""
    from oci_spec import reference

    from ..cli.jsonio import one
    from ..containers import selecting
    from ..containers.commit import commit
    from ..store.store import Store

    name = reference.parse(args.name) if args.name else None
    if name is not None and name.digest:
        raise UsageError(args.name, "the digest follows from the content", "leave out @sha256:…")
    store = Store(ctx.root)
    item = one(ctx.stdin, "container") if args.container == "-" else args.container
    return commit(
        ctx,
        store,
        selecting.find(store, item),
        str(name or ""),
        change=args.change,
        message=args.message,
        author=args.author,
        pause=args.pause,
    ).document
