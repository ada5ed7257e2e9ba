"""Reads OCI image layouts (image-spec 1.1.1, image-layout.md), as a directory or in an archive.

An image's name is what its entry in `index.json` is annotated with: containerd's full name, or the spec's, which
podman, umoci and we write in full and which others let be a bare tag.
"""

from __future__ import annotations

from oci_spec import image_layout, jsondoc
from oci_spec.descriptor import REF_NAME
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, NotFound, Unsupported
from ..store.blobs import DOCUMENT_LIMIT, verified
from .members import read
from .names import CONTAINERD_NAME, pick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor

    from .contract import Member, Members

INDEX = "index.json"
HEADER = "oci-layout"
INDEX_LIMIT = 64 << 20
_REMEDY = "it is damaged: make it again"
_PARTLY = "it is not whole: make it again, or choose the --platform that is there"


class Layout:
    """The images of a layout: a Source (see store/contract.py). Raises Corrupt, Unsupported, NotFound."""

    def __init__(self, members: Members) -> None:
        self.name = members.name
        self._members = members
        _check_header(members)
        try:
            self._entries = image_layout.parse_index(read(members, INDEX, INDEX_LIMIT), INDEX).manifests
        except FormatError as error:
            raise Corrupt(f"{self.name}: {error.subject}", _problem(error), _REMEDY) from None

    def images(self) -> list[tuple[Descriptor, list[str]]]:
        """See contract.Images."""
        found: dict[str, tuple[Descriptor, list[str]]] = {}
        for entry in self._entries:
            _, names = found.setdefault(entry.digest, (entry, []))
            name = entry.annotations.get(CONTAINERD_NAME) or entry.annotations.get(REF_NAME)
            if name and name not in names:
                names.append(name)
        return list(found.values())

    def resolve(self, reference: str) -> Descriptor:
        """See names.pick; the tag that the spec's annotation holds is a name as well."""
        for entry in self._entries:
            if reference and reference == entry.annotations.get(REF_NAME):
                return entry
        return pick(self.images(), reference, self.name)

    def read(self, descriptor: Descriptor) -> bytes:
        """See contract.Content."""
        member = self._find(descriptor)
        subject = f"{self.name}: blob {descriptor.digest}"
        if descriptor.size > DOCUMENT_LIMIT:
            raise Corrupt(subject, f"says it is {descriptor.size} bytes long; documents have at most {DOCUMENT_LIMIT}")
        if member.size != descriptor.size:
            raise Corrupt(subject, f"is {member.size} bytes long, not {descriptor.size}", _REMEDY)
        return verified(b"".join(member.open()), descriptor, subject, _REMEDY)

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See contract.Content."""
        return self._find(descriptor).open(offset)

    def _find(self, descriptor: Descriptor) -> Member:
        member = self._members.find(f"blobs/{descriptor.digest.algorithm}/{descriptor.digest.hex}")
        if member is None:
            raise NotFound(f"{self.name}: blob {descriptor.digest}", "is missing", _PARTLY)
        return member


def _check_header(members: Members) -> None:
    subject = f"{members.name}: {HEADER}"
    try:
        version = jsondoc.load_object(read(members, HEADER), subject).get("imageLayoutVersion")
    except FormatError as error:
        raise Corrupt(subject, _problem(error), _REMEDY) from None
    if version != image_layout.VERSION:
        raise Unsupported(subject, f"its version is {str(version)[:40]}; {image_layout.VERSION} is supported")


def _problem(error: FormatError) -> str:
    return f"{error.pointer}: {error.problem}" if error.pointer else error.problem
