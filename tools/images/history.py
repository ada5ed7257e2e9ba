"""How an image was made, step by step, as its config tells."""

from __future__ import annotations

from .entry import read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document
    from oci_spec.manifest import Manifest

    from ..store.store import Store

_TEXTS = ("created", "created_by", "author", "comment")


def history(store: Store, manifest: Manifest) -> Iterator[Document]:
    """One document a step, the newest first: what the config says of it, and the digest and size of its layer.

    A config may tell of fewer layers than there are; the others stand at the top, without a word on how they came to
    be. Raises Unsupported for an artifact, NotFound, Corrupt.
    """
    config = read_config(store, manifest)
    layers = iter(manifest.layers)
    steps: list[Document] = []
    for said in config.history:
        step: Document = {key: said[key] for key in _TEXTS if said.get(key)}
        layer = None if said.get("empty_layer") else next(layers, None)
        steps.append({**step, "empty_layer": layer is None, "size": layer.size if layer else 0})
        if layer:
            steps[-1]["digest"] = layer.digest
    steps += [{"empty_layer": False, "size": layer.size, "digest": layer.digest} for layer in layers]
    return reversed(steps)
