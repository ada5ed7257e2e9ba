"""What is told of an image, beside it in an index, where BuildKit has it and its readers look for it.

A manifest of no platform that names the image's by digest, whose layers are in-toto statements (BuildKit, Attestation
storage). Engines that run images pass over it.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc, media_types
from oci_spec.descriptor import Descriptor

from .. import __version__
from ..host import machine
from . import inventory, statements
from .trees import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.incoming import Incoming
    from .context import Sources
    from .made import Made
    from .request import Request

_IN_TOTO = "application/vnd.in-toto+json"
_UNKNOWN = {"architecture": "unknown", "os": "unknown"}


def attested(
    ctx: Context, incoming: Incoming, request: Request, made: Made, sources: Sources, begun: str
) -> Descriptor:
    """The descriptor of the manifest of what is told of one image, as an index has it. `begun`: when its build was."""
    layers: list[Document] = []
    if request.sbom:
        layers.append(_told(incoming, request, made, statements.SPDX, _packages(incoming, request, made)))
    if request.provenance:
        layers.append(_told(incoming, request, made, statements.SLSA, _provenance(ctx, request, made, sources, begun)))
    config: Document = {
        **_UNKNOWN, "config": {}, "rootfs": {"type": "layers", "diff_ids": [one["digest"] for one in layers]},
    }  # fmt: skip
    manifest: Document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": incoming.document(media_types.OCI_CONFIG, config).document,
        "layers": layers,
    }
    found = incoming.document(media_types.OCI_MANIFEST, manifest)
    annotations = {
        "vnd.docker.reference.digest": str(made.image.digest), "vnd.docker.reference.type": "attestation-manifest",
    }  # fmt: skip
    return Descriptor({**found.document, "annotations": annotations, "platform": _UNKNOWN})


def _told(incoming: Incoming, request: Request, made: Made, kind: str, predicate: Document) -> Document:
    platform = made.plan.target.platform
    document = statements.statement(kind, request.names, made.image, platform, predicate)
    data = jsondoc.dumps(document)
    blob = incoming.ingest([data], _IN_TOTO)
    return {**blob.document, "annotations": {"in-toto.io/predicate-type": kind}}


def _packages(incoming: Incoming, request: Request, made: Made) -> Document:
    image = Tree(incoming.store.layers.lowers(made.state.chain_ids), "the image", live=False, own_owner=True)
    name = request.names[0] if request.names else "image"
    created = made.build.created(made.state)
    return statements.spdx(
        inventory.found(image), inventory.system(image), name, created, f"ocipipe-{__version__}"
    )


def _provenance(ctx: Context, request: Request, made: Made, sources: Sources, begun: str) -> Document:
    """With mode=min what does not show how the caller works: no argument's value, no secret's name, no Dockerfile."""
    from .files import remote

    every = request.provenance == "max"
    wishes = request.wishes
    asked: Document = {"target": request.target, "platform": str(made.plan.target.platform)}
    details: Document = {"platform": str(machine.platform())}
    if every:
        asked |= {
            "args": dict(sorted(request.build_args.items())),
            "labels": dict(sorted(request.labels.items())),
            "secrets": sorted(wishes.secrets),
            "ssh": sorted(wishes.agents),
        }
        details["dockerfile"] = sources.text.decode("utf-8", "replace")
        details["steps"] = [
            {"stage": stage.label, "step": one.step, "key": one.key, "diffId": one.diff_id}
            for stage, state in made.build.stages()
            for one in state.records
        ]
    name = os.path.basename(sources.name) if os.path.isabs(sources.name) else sources.name
    source: Document = {"path": name}
    if remote(request.context):
        source["uri"] = request.context
    images = {statements.image_url(*wanted): found for wanted, found in made.build.images.items()}
    times = (begun, ctx.timestamp()) if wishes.clock == "now" else None
    return statements.provenance(
        {"configSource": source, "request": {key: value for key, value in asked.items() if value}}, details,
        {**images, **made.build.urls}, __version__, times,
    )  # fmt: skip

