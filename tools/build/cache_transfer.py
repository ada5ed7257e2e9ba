"""The cache of builds on its way to and from other machines: a registry, or an OCI image layout in a directory.

What comes from outside names layers for steps, and nothing more: a layer is fetched when a step asks for it, and is
checked against its digest and its diff ID before a build stands on it. Who can write there decides all the same what
steps come to, as who can write to a base image does.
"""

from __future__ import annotations

from oci_spec import media_types
from oci_spec.jsondoc import FormatError
from oci_spec.manifest import Index

from ..errors import OcipipeError
from ..images.entry import is_runnable, parse_at
from ..transfer import Transfer
from . import cache_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oci_spec.descriptor import Descriptor
    from oci_spec.manifest import Manifest

    from ..context import Context
    from ..registry.remote import Access, Remote
    from ..store.builds import Record
    from ..store.contract import Destination, Source
    from ..store.incoming import Incoming
    from .cache_options import CacheFrom, CacheTo
    from .cache_records import Told

_MOST = 64
"""Manifests of one index that are looked at."""


class Imported:
    """What other machines' caches say of steps."""

    def __init__(self, ctx: Context, incoming: Incoming) -> None:
        self._ctx = ctx
        self._incoming = incoming
        self._told: dict[str, tuple[Told, Transfer]] = {}

    def load(self, places: Sequence[CacheFrom], access: Access | None) -> None:
        """Asks them. One that is not there, or no cache, is warned of: a first build has none."""
        for place in places:
            try:
                source, root = _source(self._ctx, place, access)
                transfer = Transfer(
                    source, self._incoming, self._ctx.progress, jobs=1, distrust=getattr(source, "distrust", None)
                )
                found: dict[str, Told] = {}
                for manifest in _manifests(source, root):
                    found |= _told(source, manifest)
            except (OcipipeError, FormatError) as error:
                self._ctx.progress.warn(f"{place.text}: goes without: {error}")
                continue
            if not found:
                self._ctx.progress.warn(f"{place.text}: goes without: it is no build's cache, and has none in it")
            for key, told in found.items():
                self._told.setdefault(key, (told, transfer))

    def find(self, key: str) -> Told | None:
        """What is said of the step under a key, its layer's blob being in the store then; None for nothing, and for
        what cannot be had, which is warned of."""
        told, transfer = self._told.get(key, (None, None))
        if told is None or transfer is None or told.layer is None:
            return told
        self._incoming.lease.add(told.layer.digest)
        try:
            transfer.carry_blob(told.layer)
        except OcipipeError as error:
            self.distrust(key, error)
            return None
        return told

    def distrust(self, key: str, error: OcipipeError) -> None:
        """What was said of a step is not true, or of no use: it is not asked again."""
        self._told.pop(key, None)
        self._ctx.progress.warn(f"a step of --cache-from is carried out after all: {error}")


def write(
    ctx: Context, incoming: Incoming, place: CacheTo, records: Sequence[Record], access: Access | None
) -> None:
    """Writes these records, and their layers, which are in the store. Raises what the place raises; where it may fail
    that is warned of."""
    config, layers = cache_records.document(records)
    root = incoming.document(
        media_types.OCI_MANIFEST,
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_MANIFEST,
            "artifactType": cache_records.ARTIFACT,
            "config": incoming.document(cache_records.CONFIG, config).document,
            "layers": [one.document for one in layers],
        },
    )
    try:
        _send(ctx, incoming, place, root, access)
    except OcipipeError as error:
        if not place.may_fail:
            raise
        ctx.progress.warn(f"{place.text}: {error}")


def _send(ctx: Context, incoming: Incoming, place: CacheTo, root: Descriptor, access: Access | None) -> None:
    sink: Destination
    if place.kind == "registry":
        sink, target = _repository(ctx, place.place, access, push=True)
        Transfer(incoming, sink, ctx.progress).copy(root)
        sink.tag(root, target)
        return
    from ..archives.layout_directory import LayoutDirectory

    sink = LayoutDirectory(place.place)
    Transfer(incoming, sink, ctx.progress).copy(root)
    sink.tag(root, place.tag)
    sink.finish()


def _source(ctx: Context, place: CacheFrom, access: Access | None) -> tuple[Source, Descriptor]:
    if place.kind == "registry":
        remote, target = _repository(ctx, place.place, access, push=False)
        return remote, remote.resolve(target)
    from ..archives.layout import Layout
    from ..archives.members import Directory

    layout = Layout(Directory(place.place))
    return layout, layout.resolve(place.tag)


def _repository(ctx: Context, name: str, access: Access | None, *, push: bool) -> tuple[Remote, str]:
    """The repository that has a name, and the tag or digest in it."""
    from oci_spec import reference

    from ..registry.remote import Access, connect

    wanted = reference.parse(name)
    return connect(ctx, wanted.name, access or Access(), push=push), wanted.target


def _manifests(source: Source, root: Descriptor) -> Iterator[Manifest]:
    """The manifest, or those of an index, attestations aside."""
    document = parse_at(source, root)
    if not isinstance(document, Index):
        yield document
        return
    for entry in document.manifests[:_MOST]:
        if media_types.is_manifest(entry.media_type) and (entry.platform is None or entry.platform.known):
            found = parse_at(source, entry)
            if not isinstance(found, Index):
                yield found


def _told(source: Source, manifest: Manifest) -> dict[str, Told]:
    subject = f"{source.name}@{manifest.digest}"
    if manifest.artifact_type == cache_records.ARTIFACT:
        return cache_records.parse(source.read(manifest.config), manifest.layers, None, subject)
    inline = manifest.annotations.get(cache_records.ANNOTATION)
    if inline is None or not is_runnable(manifest):
        return {}
    from oci_spec.image_config import ImageConfig

    config = ImageConfig.parse(source.read(manifest.config), subject)
    return cache_records.parse(inline.encode(), manifest.layers, config.diff_ids, subject)
