"""Media types: the two families play the same roles (PITFALLS 18)."""

from __future__ import annotations

import pytest

from oci_spec import media_types as types

LAYERS = {
    types.OCI_LAYER: "none", types.OCI_LAYER_GZIP: "gzip", types.OCI_LAYER_ZSTD: "zstd",
    types.OCI_FOREIGN: "none", types.OCI_FOREIGN_GZIP: "gzip", types.OCI_FOREIGN_ZSTD: "zstd",
    types.DOCKER_LAYER: "none", types.DOCKER_LAYER_GZIP: "gzip", types.DOCKER_LAYER_ZSTD: "zstd",
    types.DOCKER_FOREIGN: "none", types.DOCKER_FOREIGN_GZIP: "gzip",
}  # fmt: skip


def test_roles() -> None:
    for media_type in (types.OCI_INDEX, types.DOCKER_INDEX):
        assert types.is_index(media_type)
        assert not types.is_manifest(media_type)
    for media_type in (types.OCI_MANIFEST, types.DOCKER_MANIFEST):
        assert types.is_manifest(media_type)
        assert not types.is_index(media_type)
    for media_type in (types.OCI_CONFIG, types.OCI_EMPTY, types.OCI_DESCRIPTOR, "text/plain", ""):
        assert not types.is_index(media_type)
        assert not types.is_manifest(media_type)
        assert not types.is_layer(media_type)
    assert set(types.ACCEPT_MANIFESTS) == types.INDEXES | types.MANIFESTS


@pytest.mark.parametrize(("media_type", "compression"), LAYERS.items())
def test_layers(media_type: str, compression: str) -> None:
    assert types.is_layer(media_type)
    assert types.layer_compression(media_type) == compression
    assert types.layer_compression(media_type + "x") is None
    assert ("foreign" in media_type or "nondistributable" in media_type) == (media_type in types.FOREIGN_LAYERS)


@pytest.mark.parametrize("media_type", LAYERS)
@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_another_compression(media_type: str, compression: str) -> None:
    found = types.layer_type(media_type, compression)
    assert types.layer_compression(found) == compression
    if compression != "zstd":
        assert found.startswith("application/vnd.docker.") == media_type.startswith("application/vnd.docker.")
    assert found != types.DOCKER_LAYER_ZSTD
