"""img-build: an image from a Dockerfile."""

from __future__ import annotations

from ..cli.build_options import BUILD
from ..cli.container_options import CONTAINER
from ..cli.declare import Command, Operand
from ..errors import Conflict, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..build.request import Request
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-build",
    "build an image from a Dockerfile",
    description="Builds the image that a Dockerfile (or Containerfile) describes, prints its descriptor, and leaves it "
    "in the store. CONTEXT is where its files come from: a directory, the URL of a git repository "
    "(URL#REF:DIRECTORY) or of a tar archive, or - for a tar archive, or a Dockerfile alone, on stdin.\n\n"
    "Stages that do not need one another are built side by side, those that nothing needs not at all. A step whose "
    "instruction, base and files are the same as before comes from the cache; what files are is told by their content, "
    "names, modes and owners, and never by their times. The same context, Dockerfile and base make the same image "
    "anywhere and at any time: no file in it is younger than SOURCE_DATE_EPOCH (an argument or a variable), or else "
    "than its base image.\n\n"
    "A secret is seen by the one RUN that mounts it, and is nowhere in the image, its history or the cache. The steps' "
    "output and a line for each of them go to stderr.",
    operands=(Operand("CONTEXT", "directory, URL, or - for stdin (default: .)", required=False),),
    options=BUILD,
    writes="descriptor or lint",
    examples=(
        ("img-build -t app .", "build what ./Dockerfile describes"),
        ("img-build . | ctr-run --rm - pytest", "build, then test what was built"),
        ("img-build --secret id=token,src=token.txt .", "with a secret for RUN --mount=type=secret,id=token"),
        ("img-build --check . | jq -r .message", "what is better written otherwise in the Dockerfile"),
        ("git archive HEAD | img-build -t app -", "build what is committed"),
        ("img-build -o type=local,dest=out --target artifacts .", "take files out of a build"),
    ),
    see=("ctr-run", "img-push", "img-history", "store-prune"),
)  # fmt: skip


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Builds the image, or looks over its Dockerfile."""
    from ..build import building
    from ..store.store import Store

    store, request = Store(ctx.root), _request(ctx, args)
    if args.check:
        from ..build import checking

        found = list(checking.check(ctx, store, request))
        yield from found
        if found:
            things = "one thing is" if len(found) == 1 else f"{len(found)} things are"
            yield Conflict(request.file or "the Dockerfile", f"{things} better written otherwise", "see each finding")
        return
    yield from building.build(ctx, store, request)


def _request(ctx: Context, args: Args) -> Request:
    """What the options ask for. Raises UsageError, NotFound, FormatError."""
    from oci_spec import reference
    from oci_spec.platform import Platform

    from ..build import building, output, wishes
    from ..build.request import Request
    from ..cli.output import write
    from ..registry.settings import Access

    wanted = wishes.Wishes()
    request = Request(args.context or ".", wanted, lambda data: write(ctx.stdout, data))
    request.file = args.file
    request.target = args.target or ""
    request.build_args = building.arguments(args.build_arg, ctx.env)
    request.platforms = [Platform.parse(one, "--platform") for one in (args.platform or "").split(",") if one]
    for text in args.tag:
        name = reference.parse(text)
        if name.digest:
            raise UsageError(text, "the digest follows from the content", "leave out @sha256:…")
        request.names.append(str(name))
    request.labels = wishes.pairs(args.label, "--label")
    request.annotations = wishes.pairs(args.annotation, "--annotation")
    request.outputs = [output.Output(text) for text in args.output]
    request.squash = args.squash
    if args.cache_to or args.cache_from:
        from ..build import cache_options

        request.cache_to = [cache_options.CacheTo(text) for text in args.cache_to]
        request.cache_from = [cache_options.CacheFrom(text) for text in args.cache_from]
        cache_options.check(request.cache_to, squash=args.squash)
    request.save_stages, request.sbom = args.save_stages, args.sbom
    request.provenance = wishes.provenance(args.provenance)
    request.id_file, request.metadata_file = args.iidfile, args.metadata_file
    wanted.settings = _settings(args)
    wanted.network = args.network or ""
    wanted.allowed = set(args.allow)
    contexts = wishes.pairs(args.build_context, "--build-context")
    wanted.contexts = {name.lower(): value for name, value in contexts.items()}
    wanted.secrets = wishes.secrets(args.secret, ctx.env)
    wanted.agents = wishes.agents(args.ssh, ctx.env)
    wanted.all_fresh = args.no_cache
    wanted.fresh = {one.lower() for one in args.no_cache_filter}
    wanted.clock = wishes.clock(args.timestamp, ctx, request.build_args)
    wanted.policy = args.pull
    wanted.access = Access.of(args)
    wanted.explain = args.explain_cache
    wanted.quiet = args.quiet
    return request


def _settings(args: Args) -> dict[str, object]:
    """The options of ctr-run that hold for every RUN."""
    found: dict[str, object] = {option.dest: option.default for option in CONTAINER}
    given = ("add_host", "memory", "cpus", "ulimit", "shm_size", "runtime", "tls_verify", "cert_dir", "authfile")
    found |= {name: getattr(args, name) for name in given}
    found["network"] = [args.network] if args.network else []
    return found
