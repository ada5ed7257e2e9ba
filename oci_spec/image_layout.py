"""Image layouts (image-spec 1.1.1, image-layout.md): the `oci-layout` file and `index.json`."""

from __future__ import annotations

from . import jsondoc, manifest, media_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .descriptor import Descriptor

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


def dump_index(entries: Sequence[Descriptor]) -> bytes:
    """`index.json` of these entries."""
    return jsondoc.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_INDEX,
            "manifests": [entry.document for entry in entries],
        }
    )
