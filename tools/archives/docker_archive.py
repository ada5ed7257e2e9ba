"""Reads the archives of `docker save` and `podman save`: `manifest.json`, configs, and layers as they are, often plain.

Such an archive has no manifests, so each image is given one, in Docker's family as skopeo does it: made of the config
and the layers alone, it is the same each time. A layer that is compressed stays so.
"""

from __future__ import annotations

from oci_spec import digest, docker_archive, jsondoc, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, NotFound, Unsupported
from ..store.blobs import verified
from .members import digest_of, read
from .names import pick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.digest import Digest
    from oci_spec.docker_archive import Item

    from .contract import Member, Members

INDEX = "manifest.json"
_REMEDY = "it is damaged: make it again"


class DockerArchive:
    """The images of an archive: a Source (see store/contract.py). Raises Corrupt, Unsupported, NotFound."""

    def __init__(self, members: Members) -> None:
        self.name = members.name
        self._members = members
        self._blobs: dict[Digest, Member] = {}
        self._documents: dict[Digest, bytes] = {}
        try:
            items = docker_archive.parse(read(members, INDEX), f"{self.name}: {INDEX}")
            self._images = [(self._image(item), item.tags) for item in items]
        except FormatError as error:
            problem = f"{error.pointer}: {error.problem}" if error.pointer else error.problem
            raise Corrupt(error.subject, problem, _REMEDY) from None

    def images(self) -> list[tuple[Descriptor, list[str]]]:
        """See contract.Images."""
        found: dict[str, tuple[Descriptor, list[str]]] = {}
        for root, tags in self._images:
            _, names = found.setdefault(root.digest, (root, []))
            names += [tag for tag in tags if tag not in names]
        return list(found.values())

    def resolve(self, reference: str) -> Descriptor:
        """See names.pick."""
        return pick(self.images(), reference, self.name)

    def read(self, descriptor: Descriptor) -> bytes:
        """See contract.Content."""
        data = self._documents.get(descriptor.digest)
        if data is None:
            raise NotFound(f"{self.name}: {descriptor.digest}", "no such document")
        return verified(data, descriptor, f"{self.name}: {descriptor.digest}", _REMEDY)

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See contract.Content."""
        data = self._documents.get(descriptor.digest)
        if data is not None:
            return iter((data[offset:],))
        if descriptor.digest not in self._blobs:
            raise NotFound(f"{self.name}: {descriptor.digest}", "no such blob")
        return self._blobs[descriptor.digest].open(offset)

    def _image(self, item: Item) -> Descriptor:
        """The descriptor of the manifest that an image is given; its parts can be read from then on."""
        subject = f"{self.name}: {item.config}"
        data = read(self._members, _path(item.config))
        config = Descriptor.make(media_types.DOCKER_CONFIG, data)
        said = _said(item.config)
        if said not in (None, config.digest):
            raise Corrupt(subject, "its content does not match the digest in its name", _REMEDY)
        diff_ids = ImageConfig.parse(data, subject).diff_ids
        if len(diff_ids) != len(item.layers):
            raise Corrupt(subject, f"names {len(diff_ids)} layers, but the image has {len(item.layers)}", _REMEDY)
        self._documents[config.digest] = data
        layers = [self._layer(path, diff_id) for path, diff_id in zip(item.layers, diff_ids, strict=True)]
        kind = media_types.DOCKER_MANIFEST
        if any(layer.media_type == media_types.OCI_LAYER_ZSTD for layer in layers):  # Docker's family has none
            kind = media_types.OCI_MANIFEST
            config = Descriptor.make(media_types.OCI_CONFIG, data)
            layers = [_as_oci(layer) for layer in layers]
        document = {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": config.document,
            "layers": [layer.document for layer in layers],
        }
        manifest = jsondoc.dumps(document)
        root = Descriptor.make(kind, manifest)
        self._documents[root.digest] = manifest
        return root

    def _layer(self, path: str, diff_id: Digest) -> Descriptor:
        subject = f"{self.name}: {path}"
        member = self._members.find(_path(path))
        if member is None:
            raise NotFound(subject, "is missing", "it is not whole: make it again")
        compression = media_types.detect(b"".join(_start(member)))
        if compression not in ("none", "gzip", "zstd"):
            raise Unsupported(subject, f"is compressed with {compression}", "layers are plain, gzip or zstd")
        if compression != "none":
            found = digest_of(member)
        else:
            found = member.digest or diff_id
            if found != diff_id:
                raise Corrupt(subject, f"has the diff ID {found}, but the image config says {diff_id}", _REMEDY)
        self._blobs[found] = member
        kind = media_types.layer_type(media_types.DOCKER_LAYER, compression)
        return Descriptor({"mediaType": kind, "digest": found, "size": member.size})


def _path(path: str) -> str:
    """A path as Members have it. One that leaves the archive is none of them."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _said(path: str) -> Digest | None:
    """The digest that a config's name says it has: `HEX.json`, or a blob of a layout."""
    try:
        return digest.parse(f"sha256:{path.removeprefix('blobs/sha256/').removesuffix('.json')}")
    except FormatError:
        return None


def _start(member: Member) -> Iterator[bytes]:
    """The first bytes of a member, enough to know its compression."""
    missing = 6
    for chunk in member.open():
        yield chunk
        missing -= len(chunk)
        if missing <= 0:
            return


def _as_oci(layer: Descriptor) -> Descriptor:
    compression = media_types.layer_compression(layer.media_type) or "none"
    return Descriptor({**layer.document, "mediaType": media_types.layer_type(media_types.OCI_LAYER, compression)})
