"""What one build tells another of its steps: which layer each came to, by the key that it has (keys.py). Pure.

As an OCI artifact, its config and the layers; or in an image (`inline`), as an annotation of its manifest:

    {"records":{KEY:DIFF-ID or null},"diffIds":[DIFF-ID of each of the manifest's layers]}

An image has its layers' diff IDs in its config, so that there is but the first half then. A key tells nothing of what
it was made of: no argument, no path.
"""

from __future__ import annotations

from oci_spec import digest, jsondoc, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document

    from ..store.builds import Record

ARTIFACT = "application/vnd.ocipipe.build.cache.v1"
CONFIG = f"{ARTIFACT}+json"
ANNOTATION = "org.ocipipe.build.cache"
_HEX = frozenset("0123456789abcdef")


class Told:
    """What is said of a step: its layer, None where it changed nothing."""

    __slots__ = ("diff_id", "layer")

    def __init__(self, layer: Descriptor | None, diff_id: Digest | None) -> None:
        self.layer = layer
        self.diff_id = diff_id


def document(records: Iterable[Record]) -> tuple[Document, list[Descriptor]]:
    """The config of an artifact, and its layers. The same records in any order give the same."""
    found = {record.key: record for record in records}
    layers: dict[Digest, Descriptor] = {}
    told: Document = {}
    for key in sorted(found):
        record = found[key]
        told[key] = record.diff_id
        if record.layer is not None and record.diff_id is not None:
            layers.setdefault(record.diff_id, record.layer)
    return {"records": told, "diffIds": list(layers)}, list(layers.values())


def annotation(records: Iterable[Record]) -> str:
    """The same as an annotation of the image that has all these layers."""
    told = {record.key: record.diff_id for record in records}
    return jsondoc.dumps({"records": dict(sorted(told.items()))}).decode()


def parse(
    data: bytes, layers: Sequence[Descriptor], diff_ids: Sequence[Digest] | None, subject: str
) -> dict[str, Told]:
    """What `data` says of steps, by their keys. `layers` are the manifest's; `diff_ids` theirs, where these are not in
    the data. Raises FormatError."""
    found = jsondoc.load_object(data, subject)
    records = found.get("records")
    named = found.get("diffIds") if diff_ids is None else list(diff_ids)
    if not isinstance(records, dict) or not isinstance(named, list) or len(named) != len(layers):
        raise FormatError(subject, "is no cache of a build")
    by_id = {digest.parse(one, subject): layer for one, layer in zip(named, layers, strict=True)}
    told: dict[str, Told] = {}
    for key, value in records.items():
        if len(key) != 64 or not _HEX.issuperset(key):
            raise FormatError(subject, f"{key[:80]} is no step's key")
        if value is None:
            told[key] = Told(None, None)
            continue
        diff_id = digest.parse(value, subject)
        layer = by_id.get(diff_id)
        if layer is not None and media_types.is_layer(layer.media_type):
            plain = {name: layer.document[name] for name in ("mediaType", "digest", "size")}
            told[key] = Told(Descriptor(plain), diff_id)
    return told
