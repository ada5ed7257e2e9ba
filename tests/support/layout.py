"""Is a store whole? Of its image layout, that is found out without the code that is tested."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from commands import Commands

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


def problems(root: str | Path) -> list[str]:
    """What is wrong with the store under `root`: nothing, if all that is visible is whole and no reference dangles."""
    images = Path(root) / "images"
    if not images.exists():
        return []
    found: list[str] = []
    if json.loads((images / "oci-layout").read_bytes()) != {"imageLayoutVersion": "1.0.0"}:
        found.append("oci-layout")
    for algorithm in os.listdir(images / "blobs"):
        for name in os.listdir(images / "blobs" / algorithm):
            path = images / "blobs" / algorithm / name
            if hashlib.new(algorithm, path.read_bytes()).hexdigest() != name:
                found.append(f"blob {name} has other content")
    index = json.loads((images / "index.json").read_bytes())
    for entry in index["manifests"]:
        _visit(images, entry, found)
    return found


def _visit(images: Path, descriptor: dict[str, Any], found: list[str]) -> None:
    path = images / "blobs" / descriptor["digest"].replace(":", "/")
    if not path.exists():
        found.append(f"{descriptor['digest']} is missing")
        return
    if path.stat().st_size != descriptor["size"]:
        found.append(f"{descriptor['digest']} has another size")
    if descriptor["mediaType"] in INDEXES:
        for entry in json.loads(path.read_bytes())["manifests"]:
            _visit(images, entry, found)
    elif "manifest" in descriptor["mediaType"]:
        document = json.loads(path.read_bytes())
        for part in [document["config"], *document["layers"]]:
            _visit(images, part, found)


def errors(run: Commands, root: str | Path) -> list[dict[str, Any]]:
    """What store-check finds that is no garbage, which killed commands may leave."""
    found = run("store-check", "--root", root, status=None)
    assert found.status in (0, 1), found.err
    return [one for one in found.documents if one["severity"] != "garbage"]


def unfinished(root: str | Path) -> list[str]:
    """What commands left behind below `root`: temporary names, leases, partial downloads."""
    names = ("**/.tmp-*", "**/leases/*", "**/partial/*", "sha256-*")
    return sorted({str(path) for name in names for path in Path(root).glob(name)})
