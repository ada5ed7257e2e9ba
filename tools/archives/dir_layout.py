"""skopeo's `dir:` layout: one image in a directory, `manifest.json`, `version`, and every blob under its hex digits.

Of an index, `manifest.json` is the index, and the manifests that it names are `HEX.manifest.json`.
"""

from __future__ import annotations

import os

from oci_spec import manifest as manifests
from oci_spec import media_types
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt, NotFound
from ..host import files
from ..store.blobs import verified
from .checked import checked
from .members import Directory, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor

    from ..store.contract import Reader, Tap

MANIFEST = "manifest.json"
VERSION = b"Directory Transport Version: 1.1\n"
_REMEDY = "it is damaged: copy the image again"


class DirLayout:
    """The image of such a directory: a Source (see store/contract.py). Raises Corrupt, NotFound."""

    def __init__(self, path: str) -> None:
        self.name = path
        self._members = Directory(path)
        data = read(self._members, MANIFEST)
        try:
            self._root = manifests.parse(data, None, f"{path}: {MANIFEST}").descriptor()
        except FormatError as error:
            raise Corrupt(error.subject, error.problem, _REMEDY) from None

    def images(self) -> list[tuple[Descriptor, list[str]]]:
        """See contract.Images: the one image, which has no name."""
        return [(self._root, [])]

    def resolve(self, reference: str) -> Descriptor:
        """The one image, whatever the reference."""
        return self._root

    def read(self, descriptor: Descriptor) -> bytes:
        """See contract.Content."""
        return verified(
            read(self._members, self._path(descriptor)), descriptor, f"{self.name}: {descriptor.digest}", _REMEDY
        )

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See contract.Content."""
        member = self._members.find(self._path(descriptor))
        if member is None:
            raise NotFound(f"{self.name}: {descriptor.digest}", "is missing", "it is not whole: copy the image again")
        return member.open(offset)

    def _path(self, descriptor: Descriptor) -> str:
        return MANIFEST if descriptor.digest == self._root.digest else _file(descriptor)


class DirSink:
    """Writes an image into such a directory: a Destination (see store/contract.py). The directory is an image when it
    has been tagged; the tag itself is not kept."""

    def __init__(self, path: str) -> None:
        """Raises Conflict for a directory that holds something else."""
        self.name = path
        if os.path.isdir(path) and os.listdir(path) and not os.path.exists(os.path.join(path, "version")):
            raise Conflict(path, "is a directory that holds something else than an image", "name a new one")
        files.make_directories(os.path.abspath(path))
        files.write_atomic(os.path.join(path, "version"), VERSION)

    def exists(self, descriptor: Descriptor) -> bool:
        """See contract.Sink."""
        try:
            return bool(os.stat(os.path.join(self.name, _file(descriptor))).st_size == descriptor.size)
        except FileNotFoundError:
            return False

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        """See contract.Sink."""
        if self.exists(descriptor):
            return "exists"
        with files.replacing(os.path.join(self.name, _file(descriptor))) as fd:
            for chunk in checked(descriptor, read, tap):
                files.write_all(fd, chunk)
        return "done"

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        """See contract.Destination."""
        os.rename(os.path.join(self.name, _file(descriptor)), os.path.join(self.name, MANIFEST))
        files.sync_directory(self.name)

    def finish(self) -> None:
        """Nothing is left to do."""


def _file(descriptor: Descriptor) -> str:
    kind = descriptor.media_type
    is_document = media_types.is_manifest(kind) or media_types.is_index(kind)
    return f"{descriptor.digest.hex}.manifest.json" if is_document else descriptor.digest.hex
