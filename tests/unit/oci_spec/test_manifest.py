"""Manifests and indexes: told apart, checked, and chosen from (PITFALLS 8, 12, 18)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oci_spec import manifest, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.digest import of_bytes
from oci_spec.jsondoc import FormatError
from oci_spec.manifest import MOST_NESTED, Index, Manifest, find
from oci_spec.platform import Platform

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
SHA = "sha256:" + "a" * 64
LAYER = {"mediaType": media_types.OCI_LAYER_GZIP, "digest": SHA, "size": 5}
CONFIG = {**LAYER, "mediaType": media_types.OCI_CONFIG}
IMAGE: dict[str, Any] = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
SEVERAL: dict[str, Any] = {"schemaVersion": 2, "manifests": []}
ALL_TYPES = [media_types.OCI_MANIFEST, media_types.DOCKER_MANIFEST, media_types.OCI_INDEX, media_types.DOCKER_INDEX]


def encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=3).encode()


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def test_the_bytes_are_the_truth() -> None:
    data = encoded({**IMAGE, "unknown": {"kept": True}})
    found = Manifest.parse(data)
    assert found.raw is data
    assert (found.digest, found.size) == (of_bytes(data), len(data))
    assert found.document["unknown"] == {"kept": True}
    assert (found.descriptor().media_type, found.descriptor().digest) == (media_types.OCI_MANIFEST, of_bytes(data))
    assert found.descriptor().size == len(data)


@pytest.mark.parametrize(
    "name", ["image-manifest", "image-manifest.untyped", "image-manifest.docker", "image-manifest.artifact"]
)
def test_manifests(name: str) -> None:
    document = json.loads(golden(name))
    found = manifest.parse(golden(name), None)
    assert isinstance(found, Manifest)
    assert found.media_type == document.get("mediaType", media_types.OCI_MANIFEST)
    assert found.config.document == document["config"]
    assert [layer.document for layer in found.layers] == document["layers"]
    assert found.annotations == document.get("annotations", {})
    assert (found.subject.document if found.subject else None) == document.get("subject")
    assert found.artifact_type == document.get("artifactType")


@pytest.mark.parametrize("name", ["image-index", "image-index.docker"])
def test_indexes(name: str) -> None:
    document = json.loads(golden(name))
    found = manifest.parse(golden(name), None)
    assert isinstance(found, Index)
    assert found.media_type == document["mediaType"]
    assert [entry.document for entry in found.manifests] == document["manifests"]
    assert (found.subject.document if found.subject else None) == document.get("subject")
    assert found.artifact_type == document.get("artifactType")


def test_an_artifact_without_a_type_has_its_configs() -> None:
    """image-spec 1.0's way, from before artifactType."""
    helm = "application/vnd.cncf.helm.config.v1+json"
    assert Manifest.parse(encoded({**IMAGE, "config": {**CONFIG, "mediaType": helm}})).artifact_type == helm
    assert Manifest.parse(encoded(IMAGE)).artifact_type is None


@pytest.mark.parametrize("said", ALL_TYPES)
def test_a_document_without_media_type_is_what_it_came_as(said: str) -> None:
    document = SEVERAL if said in media_types.INDEXES else IMAGE
    for header in (said, f"{said}; charset=utf-8", said.upper()):
        found = manifest.parse(encoded(document), header)
        assert found.media_type == said
        assert isinstance(found, Index if said in media_types.INDEXES else Manifest)


@pytest.mark.parametrize("own", ALL_TYPES)
@pytest.mark.parametrize("said", [*ALL_TYPES, None])
def test_what_it_says_and_what_it_came_as_must_agree(own: str, said: str | None) -> None:
    document = {**(SEVERAL if own in media_types.INDEXES else IMAGE), "mediaType": own}
    if said in (own, None):
        assert manifest.parse(encoded(document), said).media_type == own
    else:
        with pytest.raises(FormatError, match=r"by its mediaType, but came as"):
            manifest.parse(encoded(document), said)


V1 = "is a Docker schema 1 manifest, which is no longer supported (push the image anew)"


@pytest.mark.parametrize(
    ("document", "said", "message"),
    [
        ({**IMAGE, "manifests": []}, None, "x: is a manifest and an index at once"),
        ({**IMAGE, "manifests": []}, media_types.OCI_MANIFEST, "x: is a manifest and an index at once"),
        ({**SEVERAL, "layers": []}, media_types.OCI_INDEX, "x: is a manifest and an index at once"),
        ({**SEVERAL, "config": CONFIG}, None, "x: is a manifest and an index at once"),
        (SEVERAL, media_types.OCI_MANIFEST, "x: is a manifest and an index at once"),
        (IMAGE, media_types.DOCKER_INDEX, "x: is a manifest and an index at once"),
        ({**SEVERAL, "mediaType": media_types.OCI_MANIFEST}, None, "x: /mediaType: is"),
        ({**IMAGE, "mediaType": media_types.OCI_INDEX}, None, "x: is a manifest and an index at once"),
        ({"schemaVersion": 2, "mediaType": media_types.OCI_MANIFEST}, None, "x: lacks config"),
        ({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX}, None, "x: lacks manifests"),
        ({"schemaVersion": 1, "name": "a", "fsLayers": []}, None, f"x: {V1}"),
        ({}, media_types.DOCKER_MANIFEST_V1_SIGNED, f"x: {V1}"),
        (IMAGE, "application/json", "x: came as application/json, which is no image manifest or index"),
        (IMAGE, media_types.OCI_CONFIG, "x: came as application/vnd.oci.image.config.v1+json, which is no"),
        ({**IMAGE, "mediaType": 3}, None, "x: /mediaType: is 3"),
        ({**IMAGE, "layers": [LAYER, {**LAYER, "digest": "x"}]}, None, 'x: /layers/1/digest: is "x", not a digest'),
        ({**IMAGE, "layers": [LAYER, {**LAYER, "digest": "md5:0"}]}, None, "x: /layers/1/digest: unsupported digest"),
        ({**IMAGE, "config": {**CONFIG, "digest": "md5:0"}}, None, "x: /config/digest: unsupported digest"),
        ({**SEVERAL, "manifests": [{**LAYER, "digest": "md5:0"}]}, None, "x: /manifests/0/digest: unsupported digest"),
        ({**IMAGE, "config": {**CONFIG, "data": "e30="}}, None, "x: /config/data: holds 2 bytes, but size says 5"),
        ({**IMAGE, "layers": [{**LAYER, "size": 2, "data": "e30="}]}, None, "x: /layers/0/data: has the digest "),
        ({**IMAGE, "subject": {}}, None, "x: /subject: lacks mediaType"),
    ],
)  # fmt: skip
def test_bad(document: dict[str, Any], said: str | None, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        manifest.parse(encoded(document), said, "x")
    assert str(caught.value).startswith(message)


def test_the_other_kind_is_refused() -> None:
    with pytest.raises(FormatError, match="is an image index, not a manifest"):
        Manifest.parse(encoded(SEVERAL))
    with pytest.raises(FormatError, match="is a manifest, not an image index"):
        Index.parse(encoded(IMAGE))


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"<html>", b"{}", b'{"layers":[],"layers":[]}', b"\x1f\x8b\x08"])
def test_garbage(data: bytes) -> None:
    for said in (None, *ALL_TYPES):
        with pytest.raises(FormatError):
            manifest.parse(data, said)


def index(*platforms: str | None, media_type: str = media_types.OCI_MANIFEST) -> Index:
    entries = []
    for number, text in enumerate(platforms):
        os, _, rest = (text or "").partition("/")
        architecture, _, variant = rest.partition("/")
        platform = {"os": os, "architecture": architecture, **({"variant": variant} if variant else {})}
        entry = {"mediaType": media_type, "digest": f"sha256:{number:064}", "size": 1}
        entries.append(entry if text is None else {**entry, "platform": platform})
    return Index.parse(encoded({"schemaVersion": 2, "manifests": entries}))


@pytest.mark.parametrize(
    ("platforms", "host", "chosen"),
    [
        (["linux/arm64", "linux/amd64"], "linux/amd64", 1),
        (["linux/amd64", "linux/amd64"], "linux/amd64", 0),
        (["linux/arm64/v8"], "linux/arm64", 0),
        (["linux/arm64"], "linux/arm64/v8", 0),
        (["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm/v7", 1),
        (["linux/arm/v5", "linux/arm/v7", "linux/arm/v6"], "linux/arm/v6", 2),
        (["linux/arm/v7"], "linux/arm/v6", None),
        (["linux/amd64/v3", "linux/amd64"], "linux/amd64", 1),
        (["windows/amd64", "linux/arm64"], "linux/amd64", None),
        (["unknown/unknown", "linux/amd64", "unknown/unknown"], "linux/amd64", 1),
        (["unknown/unknown"], "linux/amd64", None),
        (["unknown/unknown"], "unknown/unknown", None),
        ([None], "linux/amd64", 0),
        ([None, "unknown/unknown"], "linux/amd64", 0),
        ([None, None], "linux/amd64", None),
        ([None, "linux/amd64"], "linux/amd64", 1),
        ([], "linux/amd64", None),
    ],
)
def test_choice(platforms: list[str | None], host: str, chosen: int | None) -> None:
    found = index(*platforms).choose(Platform.parse(host))
    assert (int(found.digest.hex) if found else None) == chosen


def test_find_looks_into_nested_indexes_nearest_first_and_each_once() -> None:
    read: list[str] = []

    def nested(*numbers: int) -> Index:
        entries = [
            {"mediaType": media_types.OCI_INDEX, "digest": f"sha256:{number:064}", "size": 1} for number in numbers
        ]
        return Index.parse(json.dumps({"schemaVersion": 2, "manifests": entries}).encode())

    documents = {1: nested(3, 1), 2: index("linux/amd64"), 3: index("linux/amd64", "linux/s390x")}

    def look(entry: Descriptor) -> Manifest | Index:
        read.append(entry.digest.hex[-1])
        return documents[int(entry.digest.hex)]

    def found(host: str, root: Index) -> Descriptor | None:
        read.clear()
        return find(root, Platform.parse(host), look)

    for host, wanted, looked in (("linux/amd64", 0, "12"), ("linux/s390x", 1, "123"), ("linux/arm64", None, "123")):
        chosen = found(host, nested(1, 2))
        assert (int(chosen.digest.hex) if chosen else None) == wanted
        assert "".join(read) == looked
    documents |= {number: nested(number + 1, number + 2) for number in range(10, 999)}
    assert found("linux/amd64", nested(10)) is None
    assert len(read) == MOST_NESTED


def test_nested_indexes_are_left_to_the_caller() -> None:
    found = Index.parse(golden("image-index"))
    assert [entry.media_type for entry in found.nested()] == [media_types.OCI_INDEX]
    chosen = found.choose(Platform("linux", "arm", "v6"))
    assert chosen is not None
    assert chosen.platform == Platform("linux", "arm", "v6")
    assert index("linux/amd64", media_type=media_types.DOCKER_INDEX).choose(Platform("linux", "amd64")) is None
