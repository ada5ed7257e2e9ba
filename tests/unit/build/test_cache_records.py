"""What one build tells another of its steps, and what is believed of that."""

from __future__ import annotations

import pytest

from oci_spec import jsondoc, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest, of_bytes
from oci_spec.jsondoc import FormatError
from ocipipe.build import cache_records
from ocipipe.store.builds import Record

KEYS = ["a" * 64, "b" * 64, "c" * 64]


def layer(text: bytes) -> Descriptor:
    return Descriptor.make(media_types.OCI_LAYER_GZIP, text, annotations={"a": "b"})


def record(key: str, text: bytes) -> Record:
    if not text:
        return Record(key, "RUN true", "slot", {"secret": 1}, None, None, None)
    diff_id = of_bytes(b"plain" + text)
    return Record(key, "RUN x", "slot", {"secret": 1}, layer(text), diff_id, diff_id)


RECORDS = [record(KEYS[2], b"one"), record(KEYS[0], b""), record(KEYS[1], b"two")]


def test_there_and_back() -> None:
    document, layers = cache_records.document(RECORDS)
    assert cache_records.document(reversed(RECORDS))[0] == document
    data = jsondoc.dumps(document)
    assert b"secret" not in data
    told = cache_records.parse(data, layers, None, "cache")
    assert sorted(told) == KEYS
    assert told[KEYS[0]].layer is None
    assert told[KEYS[1]].diff_id == RECORDS[2].diff_id
    found = told[KEYS[1]].layer
    assert found is not None
    assert found.document == {key: layer(b"two").document[key] for key in ("mediaType", "digest", "size")}


def test_in_an_image() -> None:
    """Whose layers may be fewer, and are told by its config."""
    text = cache_records.annotation(RECORDS)
    diff_ids = [of_bytes(b"base"), Digest(str(RECORDS[0].diff_id))]
    told = cache_records.parse(text.encode(), [layer(b"base"), layer(b"one")], diff_ids, "cache")
    assert sorted(told) == [KEYS[0], KEYS[2]]


@pytest.mark.parametrize(
    "data",
    [
        b"[]", b"{}", b'{"records":[],"diffIds":[]}', b'{"records":{},"diffIds":["sha256:1"]}', b'{"records":{}}',
        b'{"records":{"../../x":null},"diffIds":[]}', b'{"records":{"%s":"x"},"diffIds":[]}' % (b"a" * 64), b"\xff",
    ],
)  # fmt: skip
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(FormatError):
        cache_records.parse(data, [], None, "cache")


def test_what_is_no_layer_is_not_taken_for_one() -> None:
    document, layers = cache_records.document(RECORDS)
    other = [Descriptor({**one.document, "mediaType": media_types.OCI_CONFIG}) for one in layers]
    assert sorted(cache_records.parse(jsondoc.dumps(document), other, None, "cache")) == [KEYS[0]]
