"""Content descriptors (image-spec 1.1.1, descriptor.md): what every pipe between image commands carries."""

from __future__ import annotations

from . import digest, semantics, validate
from .jsondoc import FormatError
from .platform import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .digest import Digest
    from .jsondoc import Document

REF_NAME = "org.opencontainers.image.ref.name"
CREATED = "org.opencontainers.image.created"
ORIGIN = "org.ocipipe.origin"
"""`registry/repository` the content was pulled from: where a damaged blob can be fetched again."""
INDEX_DIGEST = "org.ocipipe.index.digest"
"""Digest of the index that the manifest was chosen from, to see that a tag has not moved without fetching."""
IMAGE_SIZE = "org.ocipipe.image.size"
"""Bytes of the manifest, config and layers together, decimal."""


class Descriptor:
    """A view of one descriptor document; `document` is the truth and keeps fields we don't know."""

    __slots__ = ("digest", "document", "media_type", "size")

    def __init__(self, document: Document, subject: str = "descriptor", pointer: str = "") -> None:
        """Takes a document that already passed the check; use `parse` for anything from outside.

        Raises FormatError for a digest whose algorithm we can't verify; `pointer` is where in `subject` it stands.
        """
        self.document = document
        self.media_type = str(document["mediaType"])
        try:
            self.digest: Digest = digest.parse(document["digest"], subject)
        except FormatError as error:
            raise FormatError(subject, error.problem, f"{pointer}/digest") from None
        self.size = int(document["size"])  # type: ignore[call-overload]

    @classmethod
    def parse(cls, value: object, subject: str = "descriptor") -> Descriptor:
        """`value` as a descriptor. Raises FormatError, also where its embedded data is not what the digest says."""
        document = validate.check("descriptor", value, subject)
        semantics.check("descriptor", document, subject)
        return cls(document, subject)

    @classmethod
    def make(cls, media_type: str, data: bytes, /, **fields: object) -> Descriptor:
        """The descriptor of `data`; further fields (`annotations`, `platform`) by their JSON names."""
        return cls({"mediaType": media_type, "digest": digest.of_bytes(data), "size": len(data), **fields})

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.document.get("annotations") or {}  # type: ignore[return-value]

    @property
    def platform(self) -> Platform | None:
        value = self.document.get("platform")
        return Platform.parse(value) if value is not None else None

    @property
    def artifact_type(self) -> str | None:
        value = self.document.get("artifactType")
        return str(value) if value is not None else None

    @property
    def urls(self) -> list[str]:
        found: list[str] = self.document.get("urls") or []  # type: ignore[assignment]
        return found

    @property
    def data(self) -> bytes | None:
        """The embedded content, if any, as decoded; `parse` made sure that it is what the digest says."""
        value = self.document.get("data")
        if value is None:
            return None
        import binascii

        return binascii.a2b_base64(str(value))

    @property
    def name(self) -> str | None:
        """The reference the layout's index gives it."""
        return self.annotations.get(REF_NAME)

    def annotated(self, changes: Mapping[str, str | None]) -> Descriptor:
        """The same descriptor with annotations set, or removed where the value is None."""
        merged = {**self.annotations}
        for key, value in changes.items():
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = value
        document = {key: value for key, value in self.document.items() if key != "annotations"}
        if merged:
            document["annotations"] = merged
        return Descriptor(document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descriptor) and self.document == other.document

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Descriptor({self.media_type}, {self.digest}, {self.size})"
