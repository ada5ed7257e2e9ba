"""Archives of images, as other tools make them: members in any order, whole or tampered with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from images import DOCKER, Image, sha256
from tars import Tar

Files = dict[str, bytes]
"""An archive's members by their paths, in order."""


def oci_files(*images: tuple[Image, str | None]) -> Files:
    """An OCI layout with these images under these names."""
    files: Files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    entries = []
    for image, name in images:
        for digest, data in image.blobs.items():
            files[f"blobs/{digest.replace(':', '/')}"] = data
        named = {"annotations": {"org.opencontainers.image.ref.name": name}} if name else {}
        entries.append({**image.root, **named})
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    return files


def docker_files(image: Image, tags: Sequence[str], layers: Sequence[bytes], *, legacy: bool = False) -> Files:
    """What `docker save` (`legacy`: before version 25, with directories) and podman write: plain layers, no manifests.
    `layers` are the layers' tar archives, lowest first."""
    config = image.blobs[image.document["config"]["digest"]]
    name = sha256(config).removeprefix("sha256:")
    files: Files = {}
    paths = []
    for tar in layers:
        path = f"{sha256(tar).removeprefix('sha256:')}{'/layer' if legacy else ''}.tar"
        files[path] = tar
        if legacy:
            files[path.replace("layer.tar", "VERSION")] = b"1.0"
            files[path.replace("layer.tar", "json")] = b'{"id":"x"}'
        paths.append(path)
    files[f"{name}.json"] = config
    files["manifest.json"] = json.dumps(
        [{"Config": f"{name}.json", "RepoTags": list(tags) or None, "Layers": paths}]
    ).encode()
    return files


def docker_manifest(image: Image, layers: Sequence[bytes]) -> bytes:
    """The manifest that we make for an image of such an archive: this is its digest, for ever."""
    config = image.blobs[image.document["config"]["digest"]]
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": f"{DOCKER}distribution.manifest.v2+json",
        "config": {
            "mediaType": f"{DOCKER}container.image.v1+json", "digest": sha256(config), "size": len(config),
        },
        "layers": [
            {"mediaType": f"{DOCKER}image.rootfs.diff.tar", "digest": sha256(tar), "size": len(tar)} for tar in layers
        ],
    }  # fmt: skip
    return json.dumps(document, separators=(",", ":")).encode()


def tar(files: Files) -> bytes:
    """These members as a tar archive."""
    made = Tar()
    for name, data in files.items():
        made.file(name, data)
    return made.bytes()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
