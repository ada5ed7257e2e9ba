"""The referrers of a manifest where the registry keeps no list (distribution-spec 1.1, Referrers Tag Schema).

The list is an index under a tag that is made of the subject's digest. Reading, changing and writing it is not atomic,
by the spec's own design: of two clients that push at the same moment, one's entry may get lost.
"""

from __future__ import annotations

from oci_spec import distribution, jsondoc, manifest, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .endpoint import Endpoint


def refer(
    put: Callable[[Descriptor, bytes, str], None], endpoint: Endpoint, descriptor: Descriptor, data: bytes
) -> None:
    """Adds the manifest or index `data` to its subject's referrers, which are `put` under their tag; nothing to do when
    it has no subject.

    Raises Corrupt when what stands under the tag is no index: it may be somebody's image and is left alone.
    """
    document = manifest.parse(data, descriptor.media_type, endpoint.subject(descriptor.digest))
    if document.subject is None:
        return
    tag = distribution.referrers_tag(document.subject.digest)
    entry: dict[str, object] = {
        "mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size,
    }  # fmt: skip
    kind = document.document.get("artifactType")
    if not kind and isinstance(document, manifest.Manifest):
        kind = document.config.media_type
    if kind:
        entry["artifactType"] = kind
    if document.annotations:
        entry["annotations"] = dict(document.annotations)
    index: dict[str, object] = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": []}
    try:
        root = endpoint.resolve(tag)
        known = manifest.parse(endpoint.read(root), root.media_type, endpoint.subject(tag))
        if not isinstance(known, manifest.Index):
            raise FormatError(endpoint.subject(tag), "is no index")
        others = [one.document for one in known.manifests if one.digest != descriptor.digest]
        if len(others) < len(known.manifests) and entry in known.document["manifests"]:  # type: ignore[operator]
            return
        index = {**known.document, "manifests": others}
    except NotFound:
        pass
    except FormatError as error:
        raise Corrupt(
            endpoint.subject(tag),
            f"is where referrers are listed, but cannot be read: {error.problem}",
            "remove the tag",
        ) from None
    made = jsondoc.dumps({**index, "manifests": [*index["manifests"], entry]})  # type: ignore[misc]
    put(Descriptor.make(media_types.OCI_INDEX, made), made, tag)
