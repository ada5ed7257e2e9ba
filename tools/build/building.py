"""img-build: from a command line's wishes to an image."""

from __future__ import annotations

from oci_spec import jsondoc

from ..errors import Conflict
from ..host import files, machine
from ..images.entry import describe
from ..store.incoming import Incoming
from . import context, dockerfile, documents, execute, output, running, workshop
from .plan import plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document
    from oci_spec.platform import Platform

    from ..context import Context
    from ..store.builds import Record
    from ..store.store import Store
    from .cache_options import CacheFrom, CacheTo
    from .cache_transfer import Imported
    from .context import Sources
    from .dockerfile import Dockerfile
    from .output import Output
    from .plan import Plan
    from .state import State
    from .wishes import Wishes


class Request:
    """What is to be built, and what is to become of it. `context`, `file`: see context.sources. `names` in full;
    `write` puts bytes onto stdout."""

    def __init__(self, context: str, wishes: Wishes, write: Callable[[bytes], object]) -> None:
        self.context = context
        self.wishes = wishes
        self.write = write
        self.file: str | None = None
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


def build(ctx: Context, store: Store, request: Request) -> Document | None:
    """Builds; the image's descriptor, None where stdout has its bytes. Raises whatever goes wrong; then the store has
    no other image than before, and keeps the steps that were done."""
    output.check(request.outputs, ctx, len(request.platforms))
    running.sweep(ctx, store.prepare())
    workshop.sweep(store)
    kept = not request.outputs or any(one.kind == "image" for one in request.outputs)
    with workshop.Workshop(store) as work, Incoming(store) as incoming:
        sources = context.sources(ctx, work, request.context, request.file)
        parsed = dockerfile.parse(sources.text, sources.name)
        here = machine.platform()
        say = None if request.wishes.quiet else ctx.progress.say
        imported = _imported(ctx, incoming, request)
        images: list[Descriptor] = []
        states: list[State] = []
        few: list[Record] = []
        every: list[Record] = []
        for platform in request.platforms or [here]:
            planned = plan(
                parsed, target=request.target, build_args=request.build_args, platform=platform, build_platform=here,
                contexts=request.wishes.contexts,
            )  # fmt: skip
            if not states:
                _refuse_what_is_asked_to_be(store, parsed, planned, sources)
            for name in planned.unused if not states else ():
                ctx.progress.warn(f"--build-arg {name}: nothing in {sources.name} declares it")
            made = execute.Build(
                ctx, incoming, work, sources, planned, request.wishes, platform, say, ctx.progress.say,
                imported,
            )  # fmt: skip
            state = made.run()
            few += state.records
            every += made.records() if any(one.every for one in request.cache_to) else ()
            created = made.created(state)
            if request.squash:
                state = documents.squashed(incoming, work, state, created)
            states.append(state)
            target = planned.target.platform
            images.append(
                documents.image(
                    incoming, state, target, created, labels=request.labels,
                    annotations={**request.annotations, **_inline(request, state)},
                )
            )  # fmt: skip
        several = len(images) > 1
        root = documents.index(incoming, images, request.annotations) if several else images[0]
        for place in request.cache_to:
            if place.kind != "inline":
                from . import cache_transfer

                cache_transfer.write(ctx, incoming, place, every if place.every else few, request.wishes.access)
        entry = describe(store, root)
        if kept:
            entry = store.refs.enter([(entry, name) for name in request.names or [""]])[0]
            incoming.keep(entry)
        on_stdout = False
        for one in request.outputs:
            if one.kind != "image":
                output.write(ctx, store, one, root, request.names, states[0], request.write)
                on_stdout |= one.destination == "-"
        _tell(request, entry, store)
    return None if on_stdout else entry.document


def _imported(ctx: Context, incoming: Incoming, request: Request) -> Imported | None:
    if not request.cache_from:
        return None
    from . import cache_transfer

    found = cache_transfer.Imported(ctx, incoming)
    found.load(request.cache_from, request.wishes.access)
    return found


def _inline(request: Request, state: State) -> dict[str, str]:
    """The annotation that holds the image's own cache, where it is wanted."""
    if not any(one.kind == "inline" for one in request.cache_to):
        return {}
    from . import cache_records

    return {cache_records.ANNOTATION: cache_records.annotation(state.records)}


def check(ctx: Context, store: Store, request: Request) -> Iterator[Document]:
    """What is better written otherwise in the Dockerfile (documents of the type lint); nothing is built or pulled.
    Raises DockerfileError for what could not be built at all."""
    with workshop.Workshop(store.prepare()) as work:
        sources = context.sources(ctx, work, request.context, request.file)
        here = machine.platform()
        parsed = dockerfile.parse(sources.text, sources.name)
        planned = plan(
            parsed, target=request.target, build_args=request.build_args, platform=(request.platforms or [here])[0],
            build_platform=here, contexts=request.wishes.contexts,
        )  # fmt: skip
        yield from _findings(store, parsed, planned, sources)


def _refuse_what_is_asked_to_be(store: Store, parsed: Dockerfile, planned: Plan, sources: Sources) -> None:
    """Raises Conflict where the Dockerfile asks, by its directive check, that what breaks a rule is not built."""
    if "error" not in parsed.directives.get("check", ""):
        return
    broken = [one for one in _findings(store, parsed, planned, sources) if one["severity"] == "error"]
    if broken:
        first = broken[0]
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        place = f"{first['file']}:{first['firstLine']}"
        raise Conflict(place, f"{first['rule']}: {first['message']}{more}", "img-build --check tells of all")


def _findings(store: Store, parsed: Dockerfile, planned: Plan, sources: Sources) -> list[Document]:
    from .lint import lint

    bases = {one.base: _parameters(store, one.base) for one in planned.every if isinstance(one.base, str)}
    known = {name: config for name, config in bases.items() if config is not None}
    return lint(parsed, planned, bases=known, ignore=sources.ignore)


def _parameters(store: Store, name: str) -> Document | None:
    """The config object of an image that is in the store; None for another."""
    from oci_spec.jsondoc import FormatError

    from ..errors import OcipipeError
    from ..images.entry import read_config
    from ..images.local import choose_manifest, find

    try:
        config = read_config(store, choose_manifest(store, find(store, name), None))
    except (OcipipeError, FormatError):
        return None
    found: Document = config.document.get("config") or {}  # type: ignore[assignment]
    return found


def _tell(request: Request, entry: Descriptor, store: Store) -> None:
    """The files that tell scripts what was built."""
    if request.id_file:
        with files.output(request.id_file) as fd:
            files.write_all(fd, str(entry.digest).encode())
    if request.metadata_file:
        document: dict[str, object] = {
            "containerimage.descriptor": {key: entry.document[key] for key in ("mediaType", "digest", "size")},
            "containerimage.digest": entry.digest,
        }
        manifest = _config_digest(store, entry)
        if manifest:
            document["containerimage.config.digest"] = manifest
        if request.names:
            document["image.name"] = ",".join(request.names)
        with files.output(request.metadata_file) as fd:
            files.write_all(fd, jsondoc.dumps(document) + b"\n")


def _config_digest(store: Store, entry: Descriptor) -> str:
    from oci_spec.manifest import Manifest

    from ..images.entry import parse

    found = parse(store, entry)
    return str(found.config.digest) if isinstance(found, Manifest) else ""


def arguments(texts: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    """--build-arg NAME[=VALUE]; a bare name takes its value from the environment."""
    from .wishes import pairs

    return pairs(texts, "--build-arg", env)
