"""An image of a container: its image's layers, and on top what it has changed."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain

from oci_spec import digest, media_types
from oci_spec import manifest as manifests
from oci_spec.descriptor import Descriptor

from ..errors import Corrupt, NotFound, Unsupported
from ..host import machine
from ..images import changes
from ..images.entry import describe, is_runnable, parse, read_config
from ..layers import compression
from ..layers.pack import pack
from ..layers.pipe import hashed
from ..store.incoming import Incoming
from ..store.reach import hold
from . import ending, inside
from .difference import Difference
from .still import still

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document
    from oci_spec.manifest import Manifest

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store

_OF_ANOTHER = ("container", "container_config", "docker_version", "id", "parent")
"""Fields of a config that tell of the container which Docker made that image of."""


def commit(
    ctx: Context,
    store: Store,
    container: Container,
    name: str,
    *,
    change: Sequence[str] = (),
    message: str = "",
    author: str = "",
    pause: bool = True,
) -> Descriptor:
    """Makes an image of the container under `name` in full; '' gives it none. Its entry.

    The changes are read, hashed, compressed and stored in one pass; a container without any adds no layer. The config
    is the image's with `change` applied (see images/changes.py). With `pause` a running container stands still
    meanwhile. Raises UsageError for a bad instruction, NotFound when its image is not in the store, Unsupported,
    Conflict, Unavailable; the store is then as before.
    """
    with Incoming(store) as incoming:
        base, config = _image(store, container)
        hold(store, incoming.lease, base.descriptor())
        document: Document = {key: value for key, value in config.document.items() if key not in _OF_ANOTHER}
        parameters: Document = dict(document.get("config") or {})  # type: ignore[call-overload]
        changes.apply(parameters, change)
        layer = _layer(ctx, store, container, incoming, base, pause=pause)
        created = ctx.timestamp()
        step: Document = {"created": created, "created_by": _command(container)}
        step |= {key: value for key, value in (("author", author), ("comment", message)) if value}
        if layer is None:
            step["empty_layer"] = True
        document |= {
            "created": created,
            **({"author": author} if author else {}),
            "config": parameters,
            "rootfs": {"type": "layers", "diff_ids": [*config.diff_ids, *([layer[1]] if layer else [])]},
            "history": [*config.history, step],
        }
        manifest: Document = {
            "schemaVersion": 2,
            "mediaType": base.media_type,
            "config": incoming.document(base.config.media_type, document).document,
            "layers": [*(one.document for one in base.layers), *([layer[0].document] if layer else [])],
        }
        root = incoming.document(base.media_type, manifest)
        (entry,) = store.refs.enter([(describe(store, root), name)])
        incoming.keep(entry)
    ending.tell(ctx, store, container, "commit", image=name or str(entry.digest))
    return entry


def _layer(
    ctx: Context, store: Store, container: Container, incoming: Incoming, base: Manifest, *, pause: bool
) -> tuple[Descriptor, digest.Digest] | None:
    """The blob of what the container has changed, and its diff ID; None when it has changed nothing."""
    with ExitStack() as stack:
        if pause:
            stack.enter_context(still(ctx, container))
        difference = stack.enter_context(Difference(store, container))
        found = inside.told(container, difference.changes())
        first = next(found, None)
        if first is None:
            return None
        plain = digest.hasher()
        packed = pack(difference.upper, chain([first], found))
        content = hashed(inside.told(container, packed), plain)
        media_type = media_types.layer_type(base.media_type, "gzip")
        blob = incoming.ingest(compression.compress(content, "gzip"), media_type)
    return blob, digest.Digest(f"sha256:{plain.hexdigest()}")


def _image(store: Store, container: Container) -> tuple[Manifest, ImageConfig]:
    """The image that the container stands on: of an index, the one with the container's layers, this host's first."""
    recorded: Any = container.record.get("image")
    if recorded is None:
        raise Unsupported(
            container.name, "was made of a directory, and there is no image that a new one could stand on",
            "ctr-export | img-import makes an image of all that is in it",
        )  # fmt: skip
    try:
        images = [(one, read_config(store, one)) for one in _manifests(store, Descriptor.parse(recorded, "image"))]
    except NotFound as error:
        raise NotFound(container.name, f"its image is not whole in the store: {error}", "img-pull it again") from None
    here = machine.platform()
    for manifest, config in sorted(images, key=lambda image: image[1].platform != here):
        if config.chain_ids == container.record["chainIds"]:
            return manifest, config
    raise Corrupt(container.name, "its image does not have the layers that it stands on", "store-check says more")


def _manifests(store: Store, root: Descriptor) -> list[Manifest]:
    document = parse(store, root)
    if not isinstance(document, manifests.Index):
        return [document] if is_runnable(document) else []
    there = [one for one in document.manifests if store.blobs.exists(one)]
    return [manifest for one in there for manifest in _manifests(store, one)]


def _command(container: Container) -> str:
    """What the container runs, for the history."""
    process: Any = container.config().get("process") or {}
    return " ".join(process.get("args") or ()) or f"ctr-commit {container.name}"
