"""Writes images into a tar archive as a stream: an OCI layout, which Docker's `manifest.json` may stand beside.

With that, one archive is for everybody: `docker load` and `podman load` of any age read it, and who knows OCI layouts
gets every digest as it was. Nothing is taken from the clock or the host, so the same images make the same bytes.
"""

from __future__ import annotations

from oci_spec import docker_archive, image_layout, media_types, tarwriter
from oci_spec import manifest as manifests
from oci_spec.descriptor import REF_NAME, Descriptor
from oci_spec.tarstream import Entry

from ..errors import Corrupt, Unsupported, WrongContent
from . import names
from .checked import checked
from .layout import HEADER, INDEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.manifest import Index, Manifest
    from oci_spec.platform import Platform

    from ..store.contract import Reader, Tap

    Write = Callable[[bytes], object]
    """Takes the next bytes of the archive."""


class TarSink:
    """An archive on its way out: a Destination (see store/contract.py), for one thread. `finish` ends it.

    With `docker`, a platform, Docker's list is written too; of an index, the image for that platform is in it.
    """

    def __init__(self, name: str, write: Write, docker: Platform | None = None) -> None:
        self.name = name
        self._write = write
        self._docker = docker
        self._written: set[str] = set()
        self._documents: dict[str, Manifest | Index] = {}
        self._entries: list[Descriptor] = []
        self._items: dict[str, docker_archive.Item] = {}
        self._directories: set[str] = set()
        self._file(HEADER, image_layout.LAYOUT)

    def exists(self, descriptor: Descriptor) -> bool:
        """See contract.Sink."""
        return descriptor.digest in self._written

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        """See contract.Sink. Raises Corrupt for content that is not what its descriptor says, and what writing raises;
        the archive is then cut off where it stands."""
        if descriptor.digest in self._written:
            return "exists"
        is_document = media_types.is_manifest(descriptor.media_type) or media_types.is_index(descriptor.media_type)
        document = bytearray()
        self._begin(_path(descriptor), descriptor.size)
        try:
            for chunk in checked(descriptor, read, tap):
                if is_document:
                    document += chunk
                self._write(chunk)
        except WrongContent as error:  # what is written is written: no other try can help
            raise Corrupt(error.subject, error.problem, error.remedy) from None
        self._write(tarwriter.padding(descriptor.size))
        self._written.add(descriptor.digest)
        if is_document:
            self._documents[descriptor.digest] = manifests.parse(
                bytes(document), descriptor.media_type, str(descriptor.digest)
            )
        return "done"

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        """See contract.Destination; '' adds the image without a name. Raises Unsupported where Docker's list was asked
        for and the image has no place in it."""
        entry = {key: descriptor.document[key] for key in ("mediaType", "digest", "size")}
        full = names.full(reference)
        found = Descriptor(entry).annotated({names.CONTAINERD_NAME: full, REF_NAME: reference or None})
        if found not in self._entries:
            self._entries.append(found)
        if self._docker is not None:
            manifest = self._chosen(descriptor, self._docker)
            item = self._items.setdefault(
                manifest.digest,
                docker_archive.Item(_path(manifest.config), [_path(layer) for layer in manifest.layers], []),
            )
            if full and "@" not in full and full not in item.tags:
                item.tags.append(full)

    def finish(self) -> None:
        """Writes what the archive ends with."""
        if self._docker is not None:
            self._file("manifest.json", docker_archive.dump(self._items.values()))
        self._file(INDEX, image_layout.dump_index([entry.document for entry in self._entries]))
        self._write(tarwriter.END)

    def _chosen(self, root: Descriptor, platform: Platform) -> Manifest:
        document = self._documents[root.digest]
        if isinstance(document, manifests.Index):
            found = manifests.find(document, platform, lambda entry: self._documents[entry.digest])
            if found is None:
                raise Unsupported(
                    str(root.digest), f"has no image for {platform} that Docker could load", "write an OCI archive"
                )
            document = self._documents[found.digest]
        if isinstance(document, manifests.Manifest) and document.config.media_type in media_types.CONFIGS:
            return document
        raise Unsupported(
            str(root.digest), "is an artifact, not an image, which Docker cannot load", "write an OCI archive"
        )

    def _file(self, path: str, data: bytes) -> None:
        self._begin(path, len(data))
        self._write(data + tarwriter.padding(len(data)))

    def _begin(self, path: str, size: int) -> None:
        parts = path.split("/")
        for end in range(1, len(parts)):
            above = "/".join(parts[:end])
            if above not in self._directories:
                self._directories.add(above)
                self._write(tarwriter.header(Entry(above.encode() + b"/", ord("5"), 0o755, 0, 0, 0, 0)))
        self._write(tarwriter.header(Entry(path.encode(), ord("0"), 0o644, 0, 0, size, 0)))


def _path(descriptor: Descriptor) -> str:
    return f"blobs/{descriptor.digest.algorithm}/{descriptor.digest.hex}"
