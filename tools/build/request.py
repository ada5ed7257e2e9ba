"""What is to be built, and what is to become of it."""

from __future__ import annotations

from ..errors import UsageError
from .stopping import Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from oci_spec.platform import Platform

    from ..context import Context
    from .cache_options import CacheFrom, CacheTo
    from .output import Output
    from .wishes import Wishes


class Request:
    """`context`, `file`, `written`: see context.sources. `names` in full; `write` puts bytes onto stdout.
    `save_stages`: every stage becomes an image; `sbom`, `provenance`: what is told of the image beside it (provenance:
    '', min or max); `stop` ends the build when it is called."""

    def __init__(self, context: str, wishes: Wishes, write: Callable[[bytes], object]) -> None:
        self.context = context
        self.wishes = wishes
        self.write = write
        self.file: str | None = None
        self.written: bytes | None = None
        self.target = ""
        self.build_args: dict[str, str] = {}
        self.platforms: list[Platform] = []
        self.names: list[str] = []
        self.labels: dict[str, str] = {}
        self.annotations: dict[str, str] = {}
        self.outputs: list[Output] = []
        self.squash = False
        self.cache_to: list[CacheTo] = []
        self.cache_from: list[CacheFrom] = []
        self.id_file: str | None = None
        self.metadata_file: str | None = None
        self.save_stages = False
        self.sbom = False
        self.provenance = ""
        self.stop = Stop()


def asked(ctx: Context, args: Any, settings: dict[str, object], write: Callable[[bytes], object]) -> Request:
    """What img-build's arguments ask for; `settings` as in Wishes, `write` as in Request. Raises UsageError, NotFound,
    FormatError."""
    from oci_spec import reference
    from oci_spec.platform import Platform

    from ..registry.settings import Access
    from . import output, wishes

    wanted = wishes.Wishes()
    request = Request(args.context or ".", wanted, write)
    request.file = args.file
    request.target = args.target or ""
    request.build_args = wishes.pairs(args.build_arg, "--build-arg", ctx.env)
    request.platforms = [Platform.parse(one, "--platform") for one in (args.platform or "").split(",") if one]
    for text in args.tag:
        name = reference.parse(text)
        if name.digest:
            raise UsageError(text, "the digest follows from the content", "leave out @sha256:…")
        request.names.append(str(name))
    if args.label:
        from ..runtime import options

        request.labels = options.pairs(args.label, "--label")  # as a container's: a bare KEY is one, too
    request.annotations = wishes.pairs(args.annotation, "--annotation")
    request.outputs = [output.Output(text) for text in args.output]
    request.squash = args.squash
    if args.cache_to or args.cache_from:
        from . import cache_options

        request.cache_to = [cache_options.CacheTo(text) for text in args.cache_to]
        request.cache_from = [cache_options.CacheFrom(text) for text in args.cache_from]
        cache_options.check(request.cache_to, squash=args.squash)
    request.save_stages, request.sbom = args.save_stages, args.sbom
    request.provenance = wishes.provenance(args.provenance)
    request.id_file, request.metadata_file = args.iidfile, args.metadata_file
    wanted.settings = settings
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
