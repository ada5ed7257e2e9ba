"""What a build has come to, as an image of the store: its config, its manifest, an index of several."""

from __future__ import annotations

from oci_spec import media_types
from oci_spec.descriptor import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_spec.jsondoc import Document
    from oci_spec.platform import Platform

    from ..store.incoming import Incoming
    from .state import State
    from .workshop import Workshop

_FOREIGN = {
    "none": media_types.OCI_FOREIGN, "gzip": media_types.OCI_FOREIGN_GZIP, "zstd": media_types.OCI_FOREIGN_ZSTD,
}  # fmt: skip


def image(
    incoming: Incoming, state: State, platform: Platform, created: str, *, labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> Descriptor:  # fmt: skip
    """The descriptor of the manifest, with its platform."""
    parameters: Document = {key: value for key, value in state.parameters.items() if value not in (None, [], {}, "")}
    if labels:
        before: Mapping[str, str] = parameters.get("Labels") or {}  # type: ignore[assignment]
        parameters["Labels"] = {**before, **labels}
    where = platform.document() if not state.document else {}
    config: Document = {
        **state.document,
        "created": created,
        **({"author": state.author} if state.author else {}),
        **where,
        "config": parameters,
        "rootfs": {"type": "layers", "diff_ids": list(state.diff_ids)},
        "history": state.history,
    }
    manifest: Document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": incoming.document(media_types.OCI_CONFIG, config).document,
        "layers": [_as_oci(one).document for one in state.layers],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    found = incoming.document(media_types.OCI_MANIFEST, manifest)
    return Descriptor({**found.document, "platform": platform.document()})


def index(incoming: Incoming, images: Sequence[Descriptor], annotations: Mapping[str, str]) -> Descriptor:
    """The descriptor of an index of images for several platforms, in their order."""
    document: Document = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [one.document for one in images],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return incoming.document(media_types.OCI_INDEX, document)


def _as_oci(one: Descriptor) -> Descriptor:
    """A layer's descriptor in an OCI manifest, whose base may have been Docker's."""
    if not one.media_type.startswith("application/vnd.docker."):
        return one
    compression = media_types.layer_compression(one.media_type) or "gzip"
    foreign = one.media_type in media_types.FOREIGN_LAYERS
    oci = _FOREIGN[compression] if foreign else media_types.layer_type(media_types.OCI_LAYER, compression)
    return Descriptor({**one.document, "mediaType": oci})


def squashed(incoming: Incoming, work: Workshop, state: State, created: str) -> State:
    """The same image with all layers that the build has made as one; the history says so."""
    found = state.copy()
    made = state.layers[state.inherited :]
    del found.layers[state.inherited :], found.diff_ids[state.inherited :], found.chain_ids[state.inherited :]
    layers_left = state.inherited
    for number, entry in enumerate(found.history):
        if not entry.get("empty_layer"):
            if layers_left <= 0:
                found.history[number] = {**entry, "empty_layer": True}
            layers_left -= 1
    if not made:
        return found
    from ..layers.apply import apply_layer
    from ..layers.compression import decompress
    from . import layer

    store = incoming.store
    lowers = store.layers.lowers(found.chain_ids)
    place = work.place("squash")
    for one in made:
        apply_layer(decompress(store.blobs.open(one), str(one.digest)), place, lowers)
    merged = layer.commit(incoming, place, lowers, found.top, (), state.latest, "the squashed layer")
    found.add(merged, f"squashed {len(made)} layers", created)
    return found
