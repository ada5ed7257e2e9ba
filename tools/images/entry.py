"""An image's entry: the descriptor that stands for it in the layout's index and on every pipe.

Beside the descriptor's own fields it carries the platform and, as annotations, what a list of images shows, so that
listing reads one file however many images there are.
"""

from __future__ import annotations

from oci_spec import descriptor as fields
from oci_spec import manifest as manifests
from oci_spec import media_types
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.descriptor import Descriptor
    from oci_spec.manifest import Index, Manifest
    from oci_spec.platform import Platform

    from ..store.contract import Content
    from ..store.store import Store


def describe(store: Store, descriptor: Descriptor, **annotations: str | None) -> Descriptor:
    """The entry of an image whose documents are in the store: bare descriptor in, platform and annotations added.

    The platform is what the descriptor says, as an index has it, or else the config.
    """
    document = parse(store, descriptor)
    found: dict[str, str | None] = {}
    platform = None
    if isinstance(document, manifests.Manifest):
        found[fields.IMAGE_SIZE] = str(
            descriptor.size + document.config.size + sum(layer.size for layer in document.layers)
        )
        if is_runnable(document):
            config = read_config(store, document)
            found[fields.CREATED] = config.created or None
            said = descriptor.platform
            platform = said if said is not None and said.known else config.platform
    entry = {key: descriptor.document[key] for key in ("mediaType", "digest", "size")}
    if document.artifact_type:
        entry["artifactType"] = document.artifact_type
    if platform is not None and platform.known:
        entry["platform"] = platform.document()
    return fields.Descriptor(entry).annotated({**found, **annotations})


def parse(store: Store, descriptor: Descriptor) -> Manifest | Index:
    """The manifest or index behind a descriptor, from the store. Raises NotFound, Corrupt."""
    data = store.blobs.read(descriptor)
    try:
        return manifests.parse(data, descriptor.media_type, str(descriptor.digest))
    except FormatError as error:
        raise Corrupt(str(descriptor.digest), str(error), "pull the image again") from None


def parse_at(content: Content, descriptor: Descriptor) -> Manifest | Index:
    """The manifest or index behind a descriptor, from anywhere. Raises NotFound, Corrupt, and what reading raises."""
    data = content.read(descriptor)
    try:
        return manifests.parse(data, descriptor.media_type, str(descriptor.digest))
    except FormatError as error:
        raise Corrupt(f"{content.name}@{descriptor.digest}", str(error), "the image is damaged at its source") from None


def is_runnable(manifest: Manifest) -> bool:
    """Whether it is an image, with a config that names layers, and no other artifact."""
    return manifest.config.media_type in media_types.CONFIGS


def read_config(store: Store, manifest: Manifest) -> ImageConfig:
    """An image's config, from the store. Raises Unsupported for an artifact, which has none; NotFound, Corrupt."""
    if not is_runnable(manifest):
        kind = manifest.artifact_type or manifest.config.media_type
        raise Unsupported(str(manifest.digest), f"is an artifact of type {kind}, not an image", "name an image")
    data = store.blobs.read(manifest.config)
    try:
        config = ImageConfig.parse(data, str(manifest.config.digest))
    except FormatError as error:
        raise Corrupt(str(manifest.config.digest), str(error), "the image is damaged at its source") from None
    if len(config.diff_ids) != len(manifest.layers):
        raise Corrupt(
            str(manifest.digest),
            f"has {len(manifest.layers)} layers, but its config names {len(config.diff_ids)}",
            "the image is damaged at its source",
        )
    return config


def refuse_other(found: Platform | None, wanted: Platform | None, subject: str) -> None:
    """Raises Unsupported for a single image, of no index, that is not for the platform that was named."""
    if wanted and found and found.known and not wanted.runs(found):
        raise Unsupported(subject, f"is an image for {found}, not {wanted}", "leave out --platform")


def choose(index: Index, wanted: Platform, subject: str, read: Callable[[Descriptor], Manifest | Index]) -> Descriptor:
    """The manifest for a platform in the index, or in those in it, which `read` gives.

    Raises Unsupported, naming what there is, and what `read` raises.
    """
    indexes = [index]

    def look(entry: Descriptor) -> Manifest | Index:
        document = read(entry)
        if isinstance(document, manifests.Index):
            indexes.append(document)
        return document

    found = manifests.find(index, wanted, look)
    if found is not None:
        return found
    there = {entry.platform for one in indexes for entry in one.manifests if entry.platform and entry.platform.known}
    listed = ", ".join(sorted(map(str, there)))
    raise Unsupported(subject, f"has no image for {wanted}", f"choose with --platform: {listed}" if listed else "")
