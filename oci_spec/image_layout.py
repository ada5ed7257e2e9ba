"""Image layouts (image-spec 1.1.1, image-layout.md): the `oci-layout` file and `index.json`."""

from __future__ import annotations

from . import jsondoc, manifest, media_types
from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .jsondoc import Document

VERSION = "1.0.0"
LAYOUT = jsondoc.dumps({"imageLayoutVersion": VERSION})
"""The content of `oci-layout`."""


def parse_index(data: bytes, subject: str = "index.json") -> manifest.Index:
    """The layout's index. Raises FormatError.

    umoci writes an index without entries as `"manifests":null`: here, and nowhere else, that is an empty list.
    """
    if b"null" in data:
        document = jsondoc.load_object(data, subject)
        if document.get("manifests", ()) is None:
            data = jsondoc.dumps({**document, "manifests": []})
    return manifest.Index.parse(data, subject)


def load_entries(data: bytes, subject: str = "index.json") -> list[Document]:
    """The documents of the entries, for who wants few of many: each is still to be parsed. Raises FormatError."""
    document = jsondoc.load_object(data, subject)
    if "manifests" not in document:
        raise FormatError(subject, "has no manifests: it is no index")
    entries = document["manifests"]
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FormatError(subject, "is not an array of objects", "/manifests")
    return entries


def dump_index(entries: Sequence[Document]) -> bytes:
    """`index.json` of these entries' documents."""
    return jsondoc.dumps({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": entries})
