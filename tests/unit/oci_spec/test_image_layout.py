"""Image layouts: their two files."""

from __future__ import annotations

import json

import pytest

from oci_spec import image_layout, media_types, validate
from oci_spec.descriptor import Descriptor
from oci_spec.jsondoc import FormatError

ENTRIES = [
    Descriptor.make(media_types.OCI_MANIFEST, b"one", annotations={"org.opencontainers.image.ref.name": "a:1"}),
    Descriptor.make(media_types.DOCKER_INDEX, b"two", unknown=[1]),
]


def test_the_layout_file() -> None:
    document = json.loads(image_layout.LAYOUT)
    assert document == {"imageLayoutVersion": "1.0.0"}
    assert validate.check("image-layout", document, "x") is document


def test_the_index_keeps_its_entries() -> None:
    found = image_layout.parse_index(image_layout.dump_index([entry.document for entry in ENTRIES]))
    assert [entry.document for entry in found.manifests] == [entry.document for entry in ENTRIES]
    assert image_layout.parse_index(image_layout.dump_index([])).manifests == []


def test_umocis_empty_index() -> None:
    assert image_layout.parse_index(b'{"schemaVersion":2,"manifests":null}').manifests == []


@pytest.mark.parametrize(
    "data", [b"", b"null", b'{"schemaVersion":2}', b'{"schemaVersion":2,"layers":null}', b'{"manifests":null}']
)
def test_bad(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        image_layout.parse_index(data, "the index")
    assert caught.value.subject == "the index"
