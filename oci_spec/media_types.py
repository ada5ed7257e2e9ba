"""Media types of image-spec 1.1 and their Docker schema 2 equivalents, and what each means for us.

Docker's types are aliases of the OCI ones: the documents have the same fields, so every reader asks for the role
(`is_index`, `is_manifest`, `layer_compression`) and never compares strings itself.
"""

from __future__ import annotations

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCI_DESCRIPTOR = "application/vnd.oci.descriptor.v1+json"
OCI_LAYOUT_HEADER = "application/vnd.oci.layout.header.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"
OCI_FOREIGN_GZIP = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_FOREIGN_ZSTD = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_V1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_MANIFEST_V1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
DOCKER_FOREIGN_GZIP = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

INDEXES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
SCHEMA_1 = frozenset({DOCKER_MANIFEST_V1, DOCKER_MANIFEST_V1_SIGNED})
FOREIGN_LAYERS = frozenset({OCI_FOREIGN, OCI_FOREIGN_GZIP, OCI_FOREIGN_ZSTD, DOCKER_FOREIGN, DOCKER_FOREIGN_GZIP})

_COMPRESSION = {
    OCI_LAYER: "none", OCI_FOREIGN: "none", DOCKER_LAYER: "none", DOCKER_FOREIGN: "none",
    OCI_LAYER_GZIP: "gzip", OCI_FOREIGN_GZIP: "gzip", DOCKER_LAYER_GZIP: "gzip", DOCKER_FOREIGN_GZIP: "gzip",
    OCI_LAYER_ZSTD: "zstd", OCI_FOREIGN_ZSTD: "zstd", DOCKER_LAYER_ZSTD: "zstd",
}  # fmt: skip

_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
)
"""How content begins, by its compression."""

ACCEPT_MANIFESTS = (OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST)
"""What a request for a manifest accepts, in order of preference."""


def is_index(media_type: str) -> bool:
    return media_type in INDEXES


def is_manifest(media_type: str) -> bool:
    return media_type in MANIFESTS


def is_layer(media_type: str) -> bool:
    return media_type in _COMPRESSION


def layer_compression(media_type: str) -> str | None:
    """`none`, `gzip` or `zstd`; None when the media type is no layer's."""
    return _COMPRESSION.get(media_type)


def layer_type(media_type: str, compression: str) -> str:
    """The media type of the same layer under another compression, in the same family (OCI or Docker).

    Docker's family has no registered zstd type that other tools read, so such a layer becomes OCI's.
    """
    docker = media_type.startswith("application/vnd.docker.")
    if docker and compression != "zstd":
        return {"none": DOCKER_LAYER, "gzip": DOCKER_LAYER_GZIP}[compression]
    return {"none": OCI_LAYER, "gzip": OCI_LAYER_GZIP, "zstd": OCI_LAYER_ZSTD}[compression]


def detect(start: bytes) -> str:
    """The compression that content beginning with `start` (6 bytes are enough) has: `gzip`, `zstd`, `xz`, `bzip2`, or
    `none`. A zstd skippable frame counts as zstd (RFC 8878, 3.1.2)."""
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    if len(start) >= 4 and start[0] & 0xF0 == 0x50 and start[1:4] == b"\x2a\x4d\x18":
        return "zstd"
    return "none"
