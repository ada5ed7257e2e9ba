"""Pushing an image: store to registry, layers first, the manifest when all that it names is there."""

from __future__ import annotations

from functools import partial

from oci_spec import descriptor as fields
from oci_spec import manifest as manifests
from oci_spec import media_types, reference

from ..errors import Corrupt, Unsupported, UsageError
from ..registry.remote import connect
from ..store.incoming import Incoming
from ..store.reach import hold
from ..transfer import Transfer
from .entry import is_runnable, parse, read_config
from .local import choose_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.platform import Platform

    from ..context import Context, Task
    from ..registry.remote import Access
    from ..store.store import Store


class PushOptions:
    """How to push. `platform` or `all_platforms` decide about an index; `compression` is what layers are forced to."""

    __slots__ = ("access", "all_platforms", "compression", "jobs", "platform")

    def __init__(
        self,
        access: Access,
        *,
        platform: Platform | None = None,
        all_platforms: bool = False,
        compression: str | None = None,
        jobs: int = 3,
    ) -> None:
        self.access = access
        self.platform = platform
        self.all_platforms = all_platforms
        self.compression = compression
        self.jobs = jobs


def push(ctx: Context, store: Store, source: Descriptor, name: str, options: PushOptions) -> Descriptor:
    """Pushes the image `source` of the store as `name`; returns its descriptor under that name.

    Of an index, the whole is pushed with all_platforms, else the manifest for the platform. The bytes that are in the
    store are sent unchanged unless `compression` asks for other layers, which makes another manifest and digest. Raises
    NotFound, Corrupt for content missing here, Denied, Unavailable, Unsupported, and FormatError for no reference.
    """
    wanted = reference.parse(name)
    if wanted.digest:
        raise UsageError(name, "a push goes to a tag, the digest follows from the content", "leave out @sha256:…")
    with Incoming(store) as incoming:  # what is made for the push alone goes again
        lease = incoming.lease
        hold(store, lease, source)
        root = source
        if not options.all_platforms:
            root = _one(store, source, options.platform)
        if options.compression:
            root = _recompressed(ctx, store, root, options.compression, incoming)
        remote = connect(ctx, wanted.name, options.access, push=True)
        origin = source.annotations.get(fields.ORIGIN, "")
        Transfer(store.blobs, remote, ctx.progress, jobs=options.jobs, origin=origin, lease=lease.add).copy(root)
        remote.tag(root, wanted.target)
    found = (
        dict(root.document) if root is not source else {k: v for k, v in source.document.items() if k != "annotations"}
    )
    kept = {k: v for k, v in source.annotations.items() if k == fields.CREATED}
    return fields.Descriptor(found).annotated({**kept, fields.REF_NAME: str(wanted)})


def _one(store: Store, source: Descriptor, platform: Platform | None) -> Descriptor:
    """The image for a platform: of an index, or what there is when that is it."""
    if isinstance(parse(store, source), manifests.Index):
        return choose_manifest(store, source, platform).descriptor()
    if platform and source.platform and not platform.runs(source.platform):
        raise Unsupported(
            source.name or str(source.digest),
            f"is an image for {source.platform}, not {platform}",
            "leave out --platform",
        )
    return source


def _recompressed(ctx: Context, store: Store, root: Descriptor, compression: str, incoming: Incoming) -> Descriptor:
    """The image with every layer under one compression, its new blobs `incoming`; `root` if nothing changes."""
    from oci_spec import jsondoc

    from ..layers.recompress import Recompressed

    manifest = parse(store, root)
    if not isinstance(manifest, manifests.Manifest) or not is_runnable(manifest):
        raise Unsupported(
            str(root.digest), "is no single image, its layers cannot be compressed anew", "choose a --platform"
        )
    layers: list[object] = []
    for layer, diff_id in zip(manifest.layers, read_config(store, manifest).diff_ids, strict=True):
        if media_types.layer_compression(layer.media_type) in (compression, None):
            layers.append(layer.document)
            continue
        task = ctx.progress.task(f"compress {layer.digest.short}", layer.size)
        content = Recompressed(partial(_watched, store, layer, task), compression, f"layer {layer.digest}")
        made = incoming.ingest(content, media_types.layer_type(layer.media_type, compression))
        task.done()
        if content.diff_id != diff_id:
            raise Corrupt(f"layer {layer.digest}", f"its diff ID is not {diff_id}", "pull the image again")
        layers.append(made.document)
    document = {**manifest.document, "layers": layers}
    if document == manifest.document:
        return root
    if compression == "zstd" and manifest.media_type == media_types.DOCKER_MANIFEST:
        document = _as_oci(document)
    data = jsondoc.dumps(document)
    made = fields.Descriptor.make(str(document["mediaType"]), data)
    incoming.push(made, lambda offset: iter((data[offset:],)))
    if root.platform is not None:
        made = fields.Descriptor({**made.document, "platform": root.platform.document()})
    return made


def _watched(store: Store, layer: Descriptor, task: Task) -> Iterator[bytes]:
    for chunk in store.blobs.open(layer):
        task.advance(len(chunk))
        yield chunk


def _as_oci(document: dict[str, object]) -> dict[str, object]:
    """A Docker manifest under OCI's media types: Docker's have no zstd layer that other tools read."""
    config = dict(document["config"])  # type: ignore[call-overload]
    config["mediaType"] = media_types.OCI_CONFIG
    layers = []
    for layer in document["layers"]:  # type: ignore[attr-defined]
        kind = media_types.layer_compression(layer["mediaType"])
        layers.append({**layer, "mediaType": media_types.layer_type(media_types.OCI_LAYER, kind)} if kind else layer)
    return {**document, "mediaType": media_types.OCI_MANIFEST, "config": config, "layers": layers}
