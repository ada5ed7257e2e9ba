"""img-build: from a command line's wishes to images."""

from __future__ import annotations

from oci_spec import jsondoc

from ..host import files, machine
from ..images.entry import describe
from ..store.incoming import Incoming
from . import context, dockerfile, documents, execute, orphans, output, workshop
from .made import Made
from .plan import plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.builds import Record
    from ..store.store import Store
    from .cache_transfer import Imported
    from .context import Sources
    from .plan import Plan
    from .request import Request
    from .workshop import Workshop

STAGE = "org.ocipipe.build.stage"
"""The annotation that an image of a stage has its name in."""


def build(ctx: Context, store: Store, request: Request) -> list[Document]:
    """Builds; the image's descriptor, and then those of its stages where they are wanted; none where stdout has the
    image's bytes. Raises whatever goes wrong, and stopping.Cancelled when `request.stop` was called; then the store has
    no other image than before, and keeps the steps that were done."""
    output.check(request.outputs, ctx, len(request.platforms))
    begun = ctx.timestamp() if request.provenance else ""
    orphans.sweep(ctx, store.prepare())
    workshop.sweep(store)
    with workshop.Workshop(store) as work, Incoming(store) as incoming:
        sources = context.sources(ctx, work, request.context, request.file, request.written)
        plans = _plans(ctx, store, request, sources)
        imported = _imported(ctx, incoming, request)
        made = [_made(ctx, incoming, work, sources, one, request, imported) for one in plans]
        root = _root(ctx, incoming, request, made, sources, begun)
        stages = _stages(incoming, made) if request.save_stages else {}
        for place in request.cache_to:
            if place.kind != "inline":
                from . import cache_transfer

                records = [record for one in made for record in (one.build.records() if place.every else one.records)]
                cache_transfer.write(ctx, incoming, place, records, request.wishes.access)
        entries = _entered(store, incoming, request, root, stages)
        on_stdout = False
        for one in request.outputs:
            if one.kind != "image":
                output.write(ctx, store, one, root, request.names, made[0].state, request.write)
                on_stdout |= one.destination == "-"
        _tell(request, entries[0], store, made)
    return [] if on_stdout else [entry.document for entry in entries]


def _plans(ctx: Context, store: Store, request: Request, sources: Sources) -> list[Plan]:
    """What is to be done for each platform."""
    parsed = dockerfile.parse(sources.text, sources.name)
    here = machine.platform()
    plans = [
        plan(
            parsed, target=request.target, build_args=request.build_args, platform=platform, build_platform=here,
            contexts=request.wishes.contexts,
        )
        for platform in request.platforms or [here]
    ]  # fmt: skip
    if "check" in parsed.directives:
        from . import checking

        checking.refuse_what_is_asked_to_be(store, parsed, plans[0], sources)
    for name in plans[0].unused:
        ctx.progress.warn(f"--build-arg {name}: nothing in {sources.name} declares it")
    if request.save_stages:
        from oci_spec import reference

        for stage in plans[0].stages:
            for name in request.names:
                reference.parse(_stage_name(name, stage.label))  # or it would be found out when all is done
    return plans


def _made(
    ctx: Context, incoming: Incoming, work: Workshop, sources: Sources, planned: Plan, request: Request,
    imported: Imported | None,
) -> Made:  # fmt: skip
    say = None if request.wishes.quiet else ctx.progress.say
    platform = planned.platform
    made = execute.Build(
        ctx, incoming, work, sources, planned, request.wishes, platform, say, ctx.progress.say, imported, request.stop
    )
    state = made.run()
    records, created = state.records, made.created(state)
    if request.squash:
        state = documents.squashed(incoming, work, state, created)
    image = documents.image(
        incoming, state, planned.target.platform, created, labels=request.labels,
        annotations={**request.annotations, **_inline(request, records)},
    )  # fmt: skip
    return Made(made, planned, image, state, records)


def _root(
    ctx: Context, incoming: Incoming, request: Request, made: Sequence[Made], sources: Sources, begun: str
) -> Descriptor:
    """The image, or an index: of those for several platforms, and of what is told of them."""
    images = [one.image for one in made]
    told: list[Descriptor] = []
    if request.sbom or request.provenance:
        from . import attestations

        told = [attestations.attested(ctx, incoming, request, one, sources, begun) for one in made]
    if len(images) == 1 and not told:
        return images[0]
    return documents.index(incoming, [*images, *told], request.annotations if len(images) > 1 else {})


def _stages(incoming: Incoming, made: Sequence[Made]) -> dict[str, Descriptor]:
    """An image, or an index of those for several platforms, of each stage that was built but the target, by its name,
    or its number where it has none."""
    found: dict[str, list[Descriptor]] = {}
    for one in made:
        for stage, state in one.build.stages():
            if stage is not one.plan.target:
                created = one.build.created(state)
                image = documents.image(incoming, state, stage.platform, created, labels={}, annotations={})
                there = found.setdefault(stage.label, [])
                if image.document not in [other.document for other in there]:
                    there.append(image)
    return {
        label: images[0] if len(images) == 1 else documents.index(incoming, images, {})
        for label, images in found.items()
    }


def _stage_name(name: str, label: str) -> str:
    return f"{name}-stage-{label}"


def _entered(
    store: Store, incoming: Incoming, request: Request, root: Descriptor, stages: Mapping[str, Descriptor]
) -> list[Descriptor]:
    """The entries: the image's, and one of each stage. All names are given at once, the image's where it is to be in
    the store."""
    target = describe(store, root)
    wanted = [(target, name) for name in request.names or [""]]
    kept = not request.outputs or any(one.kind == "image" for one in request.outputs)
    images = wanted if kept else []
    firsts = [0]
    for label, image in stages.items():
        firsts.append(len(images))
        entry = describe(store, image, **{STAGE: label})
        images = images + [(entry, _stage_name(name, label) if name else "") for _, name in wanted]
    if not images:
        return [target]
    entries = store.refs.enter(images)
    for entry in entries:
        incoming.keep(entry)
    return [entries[0] if kept else target, *(entries[first] for first in firsts[1:])]


def _imported(ctx: Context, incoming: Incoming, request: Request) -> Imported | None:
    if not request.cache_from:
        return None
    from . import cache_transfer

    found = cache_transfer.Imported(ctx, incoming)
    found.load(request.cache_from, request.wishes.access)
    return found


def _inline(request: Request, records: Sequence[Record]) -> dict[str, str]:
    """The annotation that holds the image's own cache, where it is wanted."""
    if not any(one.kind == "inline" for one in request.cache_to):
        return {}
    from . import cache_records

    return {cache_records.ANNOTATION: cache_records.annotation(records)}


def _tell(request: Request, entry: Descriptor, store: Store, made: Sequence[Made]) -> None:
    """The files that tell scripts what was built."""
    if request.id_file:
        with files.output(request.id_file) as fd:
            files.write_all(fd, str(entry.digest).encode())
    if request.metadata_file:
        document: dict[str, object] = {
            "containerimage.descriptor": {key: entry.document[key] for key in ("mediaType", "digest", "size")},
            "containerimage.digest": entry.digest,
        }
        if len(made) == 1:
            document["containerimage.config.digest"] = _config_digest(store, made[0].image)
        if request.names:
            document["image.name"] = ",".join(request.names)
        with files.output(request.metadata_file) as fd:
            files.write_all(fd, jsondoc.dumps(document) + b"\n")


def _config_digest(store: Store, image: Descriptor) -> str:
    from oci_spec.manifest import Manifest

    from ..images.entry import parse

    found = parse(store, image)
    assert isinstance(found, Manifest)
    return str(found.config.digest)
