"""img-build: an image from a Dockerfile."""

from __future__ import annotations

from ..cli.build_options import BUILD
from ..cli.container_options import CONTAINER
from ..cli.declare import Command, Operand
from ..errors import Conflict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-build",
    "build an image from a Dockerfile",
    description="Builds the image that a Dockerfile (or Containerfile) describes, prints its descriptor, and leaves it "
    "in the store. CONTEXT is where its files come from: a directory, the URL of a git repository "
    "(URL#REF:DIRECTORY) or of a tar archive, or - for a tar archive, or a Dockerfile alone, on stdin.\n\n"
    "Stages that do not need one another are built side by side; those that the result does not need are not built. A "
    "step comes from the cache when its instruction, its base and the files that it copies are the same as before: "
    "files are compared by content, name, mode and owner, never by time. The same context, Dockerfile and base image "
    "make the same image anywhere and at any time: no file in it is younger than SOURCE_DATE_EPOCH (a build argument "
    "or a variable), or where that is not set, than the base image.\n\n"
    "A secret is seen by the one RUN that mounts it, and is nowhere in the image, its history or the cache. The steps' "
    "output and a line for each of them go to stderr.",
    operands=(Operand("CONTEXT", "directory, URL, or - for stdin (default: .)", required=False),),
    options=BUILD,
    writes="descriptor or lint",
    examples=(
        ("img-build -t app .", "build what ./Dockerfile describes"),
        ("img-build . | ctr-run --rm - pytest", "build, then test what was built"),
        ("img-build --secret id=token,src=token.txt .", "with a secret for RUN --mount=type=secret,id=token"),
        ("img-build --check . | jq -r .message", "show what could be better in the Dockerfile"),
        ("git archive HEAD | img-build -t app -", "build what is committed"),
        ("img-build -o type=local,dest=out --target artifacts .", "take files out of a build"),
    ),
    see=("ctr-run", "img-push", "img-history", "store-prune"),
)  # fmt: skip


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Builds the image, or looks over its Dockerfile."""
    from ..build import building
    from ..build.request import asked
    from ..cli.output import write
    from ..store.store import Store

    request = asked(ctx, args, _settings(args), lambda data: write(ctx.stdout, data))
    store = Store(ctx.root)
    if args.check:
        from ..build import checking

        found = list(checking.check(ctx, store, request))
        yield from found
        if found:
            things = "one thing is" if len(found) == 1 else f"{len(found)} things are"
            yield Conflict(request.file or "the Dockerfile", f"{things} better written otherwise", "see each finding")
        return
    yield from building.build(ctx, store, request)


def _settings(args: Args) -> dict[str, object]:
    """The options of ctr-run that hold for every RUN."""
    found: dict[str, object] = {option.dest: option.default for option in CONTAINER}
    given = ("add_host", "memory", "cpus", "ulimit", "shm_size", "runtime", "tls_verify", "cert_dir", "authfile")
    found |= {name: getattr(args, name) for name in given}
    found["network"] = [args.network] if args.network else []
    return found
