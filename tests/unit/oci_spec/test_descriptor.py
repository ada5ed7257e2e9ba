"""Descriptors: typed views over a document that is kept whole."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from oci_spec import media_types
from oci_spec.descriptor import REF_NAME, Descriptor
from oci_spec.digest import Digest, of_bytes
from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform

DOCUMENT: dict[str, Any] = {"mediaType": "a/b", "digest": str(of_bytes(b"abc")), "size": 3}


def data(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_views() -> None:
    document = {
        **DOCUMENT, "artifactType": "x/y", "urls": ["https://example.com/"], "annotations": {REF_NAME: "n", "k": "v"},
        "platform": {"os": "linux", "architecture": "arm", "variant": "v6"}, "data": data(b"abc"), "unknown": 1,
    }  # fmt: skip
    found = Descriptor.parse(document)
    assert found.document is document
    assert (found.media_type, found.digest, found.size) == ("a/b", of_bytes(b"abc"), 3)
    assert isinstance(found.digest, Digest)
    assert (found.artifact_type, found.urls, found.name) == ("x/y", ["https://example.com/"], "n")
    assert found.annotations == {REF_NAME: "n", "k": "v"}
    assert found.platform == Platform("linux", "arm", "v6")
    assert found.data == b"abc"


NULLS = dict.fromkeys(("annotations", "platform", "urls", "data", "artifactType"))


@pytest.mark.parametrize("document", [DOCUMENT, {**DOCUMENT, **NULLS}])
def test_what_is_absent_or_null(document: dict[str, Any]) -> None:
    found = Descriptor.parse(document)
    assert (found.annotations, found.platform, found.artifact_type) == ({}, None, None)
    assert (found.urls, found.data, found.name) == ([], None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": data(b"abd")}, f"x: /data: has the digest {of_bytes(b'abd')}, not {of_bytes(b'abc')}"),
        ({"data": data(b"abcd")}, "x: /data: holds 4 bytes, but size says 3"),
        ({"data": ""}, "x: /data: holds 0 bytes, but size says 3"),
        ({"digest": "blake3:abc"}, "x: /digest: unsupported digest 'blake3:abc' (sha256 and sha512 are supported)"),
        ({"digest": "sha256:abc"}, 'x: /digest: is "sha256:abc", not a digest'),
        ({"size": None}, "x: /size: is null, not an integer"),
    ],
)
def test_bad(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError) as caught:
        Descriptor.parse({**DOCUMENT, **changes}, "x")
    assert str(caught.value).startswith(message)


def test_bad_even_unchecked() -> None:
    """A digest that nobody can verify never becomes a Descriptor."""
    with pytest.raises(FormatError, match="it: /layers/3/digest: unsupported digest"):
        Descriptor({**DOCUMENT, "digest": "crc32:0"}, "it", "/layers/3")


def test_make() -> None:
    found = Descriptor.make(media_types.OCI_EMPTY, b"{}", annotations={"a": "b"}, data=data(b"{}"))
    assert found.document == {
        "mediaType": media_types.OCI_EMPTY,
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2, "annotations": {"a": "b"}, "data": "e30=",
    }  # fmt: skip
    assert Descriptor.parse(found.document) == found


def test_annotated() -> None:
    one = Descriptor({**DOCUMENT, "annotations": {"a": "1", "b": "2"}, "unknown": True})
    other = one.annotated({"a": None, "b": "3", "c": "4"})
    assert other.annotations == {"b": "3", "c": "4"}
    assert other.document["unknown"] is True
    assert one.annotations == {"a": "1", "b": "2"}
    assert "annotations" not in one.annotated({"a": None, "b": None, "z": None}).document


def test_equality() -> None:
    one, same, other = Descriptor(DOCUMENT), Descriptor(dict(DOCUMENT)), Descriptor({**DOCUMENT, "urls": []})
    assert one == same
    assert one != other
    assert len({one, same, other}) == 2
    assert one != DOCUMENT
