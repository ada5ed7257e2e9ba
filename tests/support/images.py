"""Images made by hand: layers, configs, manifests, indexes and artifacts of either family, as a publisher makes them.

Written without the code that is tested, so that it stands for everybody else's tools. An Image goes into an OCI layout,
into a registry over plain HTTP, or into a store through our library.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import os
import platform as host
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
EPOCH = "2023-11-14T22:13:20Z"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(host.machine(), host.machine())

Document = dict[str, Any]


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Layer:
    """One layer: `blob` as it is sent, `descriptor` of that, `diff_id` of the tar inside."""

    def __init__(self, tar: bytes, compression: str = "gzip", *, docker: bool = False, level: int = 6) -> None:
        self.diff_id = sha256(tar)
        self.blob = compress(tar, compression, level)
        suffix = "" if compression == "none" else f"{'.' if docker else '+'}{compression}"
        kind = f"{DOCKER}image.rootfs.diff.tar" if docker else f"{OCI}layer.v1.tar"
        self.descriptor: Document = {
            "mediaType": kind + suffix, "digest": sha256(self.blob), "size": len(self.blob),
        }  # fmt: skip


def compress(data: bytes, compression: str, level: int = 6) -> bytes:
    """`data` under `none`, `gzip` or `zstd`; gzip without a time, so that a digest stays."""
    if compression == "gzip":
        return gzip.compress(data, level, mtime=0)
    if compression == "zstd":
        import zstandard

        return zstandard.compress(data, 3)
    assert compression == "none"
    return data


class Image:
    """A manifest or index with all that it names: `root` is its descriptor, `blobs` the bytes by digest."""

    def __init__(self, root: Document, blobs: Mapping[str, bytes]) -> None:
        self.root = root
        self.blobs = dict(blobs)

    @property
    def digest(self) -> str:
        return str(self.root["digest"])

    @property
    def raw(self) -> bytes:
        """The manifest's or index's bytes."""
        return self.blobs[self.digest]

    @property
    def document(self) -> Document:
        found: Document = json.loads(self.raw)
        return found

    @property
    def config(self) -> Document:
        found: Document = json.loads(self.blobs[self.document["config"]["digest"]])
        return found

    def write_layout(self, path: Path, name: str | None = None) -> Path:
        """Writes an OCI image layout at `path`, its index naming the image `name`."""
        (path / "blobs" / "sha256").mkdir(parents=True)
        for digest, data in self.blobs.items():
            (path / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(data)
        entry = dict(self.root)
        if name:
            entry["annotations"] = {**entry.get("annotations", {}), "org.opencontainers.image.ref.name": name}
        top = {"schemaVersion": 2, "mediaType": f"{OCI}index.v1+json", "manifests": [entry]}
        (path / "index.json").write_text(json.dumps(top))
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        return path

    def into_store(self, root: str | Path, name: str) -> None:
        """Puts the image into the ocipipe store `root` under `name` (in full), as a pull would leave it."""
        from oci_spec.descriptor import Descriptor
        from ocipipe.images.entry import describe
        from ocipipe.store.store import Store

        store = Store(str(root)).prepare()
        for digest, data in self.blobs.items():
            descriptor = Descriptor({"mediaType": "application/octet-stream", "digest": digest, "size": len(data)})
            store.blobs.put(descriptor, data)
        store.refs.tag(describe(store, Descriptor.parse(self.root)), name)

    def push(self, address: str, repository: str, *tags: str) -> None:
        """Sends the image to the registry at `address` (host:port, plain HTTP) under `tags`."""
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            manifests = manifest_types(self)
            for digest, data in self.blobs.items():
                if digest not in manifests:
                    _upload(connection, repository, digest, data)
            for digest, media_type in manifests.items():
                for reference in (*(tags if digest == self.digest else ()), digest):
                    headers = {"Content-Type": media_type}
                    path = f"/v2/{repository}/manifests/{reference}"
                    _request(connection, "PUT", path, self.blobs[digest], headers, 201)
        finally:
            connection.close()


def read_layout(path: Path) -> Image:
    """The one image of a layout."""
    (root,) = json.loads((path / "index.json").read_text())["manifests"]
    return Image(root, {f"sha256:{blob.name}": blob.read_bytes() for blob in (path / "blobs" / "sha256").iterdir()})


def manifest_types(image: Image) -> dict[str, str]:
    """Digest and media type of every manifest and index in the image, what is named before what names it."""
    found: dict[str, str] = {}

    def visit(descriptor: Document) -> None:
        document = json.loads(image.blobs[descriptor["digest"]])
        for member in document.get("manifests", ()):
            if member["digest"] in image.blobs:
                visit(member)
        found[descriptor["digest"]] = descriptor["mediaType"]

    visit(image.root)
    return found


def _upload(connection: http.client.HTTPConnection, repository: str, digest: str, data: bytes) -> None:
    answer = _request(connection, "POST", f"/v2/{repository}/blobs/uploads/", b"", {}, 202)
    location = answer["Location"]
    location = location[location.index("/v2/") :]
    headers = {"Content-Type": "application/octet-stream"}
    _request(connection, "PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}", data, headers, 201)


def _request(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str], status: int
) -> Mapping[str, str]:
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == status, f"{method} {path}: {answer.status} {text.decode(errors='replace')}"
    return dict(answer.headers)


def platform(text: str) -> Document:
    """`linux/arm/v6` as a platform document."""
    system, architecture, *variant = text.split("/")
    return {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}


HERE = f"linux/{ARCHITECTURE}"


def image(
    layers: Sequence[Layer],
    config: Document | None = None,
    *,
    docker: bool = False,
    on: str = HERE,
    created: str = EPOCH,
    media_type: bool = True,
    **fields: object,
) -> Image:
    """An image of `layers` (lowest first) with `config` as its execution parameters, for the platform `on`.

    `fields` go into the manifest as they are (annotations, subject); without `media_type` the manifest does not say
    what it is, which image-spec allows.
    """
    history: list[Document] = [{"created": EPOCH, "created_by": f"layer {n}"} for n, _ in enumerate(layers)]
    document = {
        "created": created, **platform(on), "config": config or {},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [*history, {"created": EPOCH, "created_by": "CMD", "empty_layer": True}],
    }  # fmt: skip
    data = json.dumps(document).encode()
    manifest = {
        "schemaVersion": 2,
        **({"mediaType": _manifest_type(docker)} if media_type else {}),
        "config": {"mediaType": _config_type(docker), "digest": sha256(data), "size": len(data)},
        "layers": [layer.descriptor for layer in layers],
        **fields,
    }
    blobs = {str(layer.descriptor["digest"]): layer.blob for layer in layers} | {sha256(data): data}
    return _rooted(manifest, _manifest_type(docker), blobs)


def index(*members: Image, docker: bool = False, media_type: bool = True, **fields: object) -> Image:
    """An index of images, other indexes and attestations, in this order; images stand with their platform."""
    entries = []
    blobs: dict[str, bytes] = {}
    for member in members:
        entry = dict(member.root)
        document = member.document
        if "platform" not in entry and document.get("config", {}).get("mediaType") in CONFIGS:
            config = member.config
            entry["platform"] = {key: config[key] for key in ("os", "architecture", "variant") if key in config}
        entries.append(entry)
        blobs |= member.blobs
    kind = f"{DOCKER}distribution.manifest.list.v2+json" if docker else f"{OCI}index.v1+json"
    top = {"schemaVersion": 2, **({"mediaType": kind} if media_type else {}), "manifests": entries, **fields}
    return _rooted(top, kind, blobs)


def artifact(kind: str, data: bytes, *, subject: Image | None = None) -> Image:
    """Something that is no image: one blob of a type of its own under an empty config, perhaps about `subject`."""
    empty = b"{}"
    manifest: Document = {
        "schemaVersion": 2, "mediaType": _manifest_type(False), "artifactType": kind,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(empty), "size": 2},
        "layers": [{"mediaType": kind, "digest": sha256(data), "size": len(data)}],
    }  # fmt: skip
    if subject is not None:
        manifest["subject"] = {key: subject.root[key] for key in ("mediaType", "digest", "size")}
    return _rooted(manifest, _manifest_type(False), {sha256(empty): empty, sha256(data): data})


def attestation(of: Image) -> Image:
    """What buildkit puts into an index beside an image: a manifest of no platform that only tools read."""
    made = artifact("application/vnd.in-toto+json", b'{"_type":"https://in-toto.io/Statement/v0.1"}')
    made.root |= {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.digest": of.digest, "vnd.docker.reference.type": "attestation-manifest",
        },
    }  # fmt: skip
    return made


def _rooted(document: Document, media_type: str, blobs: Mapping[str, bytes]) -> Image:
    data = json.dumps(document, indent=1).encode()  # not our canonical form: what was received must stay as it is
    root = {"mediaType": media_type, "digest": sha256(data), "size": len(data)}
    return Image(root, {**blobs, sha256(data): data})


def _manifest_type(docker: bool) -> str:
    return f"{DOCKER}distribution.manifest.v2+json" if docker else f"{OCI}manifest.v1+json"


def _config_type(docker: bool) -> str:
    return f"{DOCKER}container.image.v1+json" if docker else f"{OCI}config.v1+json"


CONFIGS = (_config_type(False), _config_type(True))


def chain_id(diff_ids: Sequence[str]) -> str:
    """The chain ID of a stack of layers (image-spec 1.1, config.md)."""
    chain = diff_ids[0]
    for diff_id in diff_ids[1:]:
        chain = sha256(f"{chain} {diff_id}".encode())
    return chain


def layer_path(store: str | Path, image: Image) -> Path:
    """Where the store keeps the topmost unpacked layer of an image."""
    from oci_spec.digest import Digest
    from ocipipe.store.store import Store

    chain = chain_id(image.config["rootfs"]["diff_ids"])
    return Path(os.fspath(Store(str(store)).layers.path(Digest(chain))))
