"""Image manifests and image indexes (image-spec 1.1.1, manifest.md and image-index.md), OCI's and Docker's.

Both keep the bytes they were parsed from in `raw`: those are the truth, and what is passed on.
"""

from __future__ import annotations

from . import jsondoc, media_types, semantics, validate
from .descriptor import Descriptor
from .digest import of_bytes
from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .digest import Digest
    from .jsondoc import Document
    from .platform import Platform


MOST_NESTED = 32
"""How many indexes within an index are looked into for an image; real ones have one, if any."""


class _Stored:
    """What manifest and index share."""

    __slots__ = ("_digest", "document", "media_type", "raw", "size")

    def __init__(self, data: bytes, document: Document, media_type: str) -> None:
        self.raw = data
        self.document = document
        self.media_type = media_type
        self.size = len(data)
        self._digest: Digest | None = None

    @property
    def digest(self) -> Digest:
        """Of the bytes; made when it is asked for, because a layout's index is read often and never asked."""
        if self._digest is None:
            self._digest = of_bytes(self.raw)
        return self._digest

    def _entries(self, key: str, subject: str) -> list[Descriptor]:
        entries: list[Document] = self.document[key]  # type: ignore[assignment]
        return [Descriptor(entry, subject, f"/{key}/{number}") for number, entry in enumerate(entries)]

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.document.get("annotations") or {}  # type: ignore[return-value]

    @property
    def subject(self) -> Descriptor | None:
        """The manifest that this one is about (a signature's image), if any."""
        value = self.document.get("subject")
        return Descriptor(value) if isinstance(value, dict) else None

    def descriptor(self) -> Descriptor:
        """Of the document itself."""
        return Descriptor({"mediaType": self.media_type, "digest": self.digest, "size": self.size})


class Manifest(_Stored):
    """An image manifest, or an artifact's."""

    __slots__ = ("config", "layers")

    def __init__(self, data: bytes, document: Document, media_type: str, subject: str) -> None:
        super().__init__(data, document, media_type)
        self.config = Descriptor(document["config"], subject, "/config")  # type: ignore[arg-type]
        self.layers = self._entries("layers", subject)

    @classmethod
    def parse(cls, data: bytes, subject: str = "image manifest") -> Manifest:
        """The manifest in `data`, in OCI's or Docker's form. Raises FormatError."""
        found = parse(data, None, subject)
        if not isinstance(found, cls):
            raise FormatError(subject, "is an image index, not a manifest")
        return found

    @property
    def artifact_type(self) -> str | None:
        """The type of an artifact; None for an image."""
        value = self.document.get("artifactType")
        if value is not None:
            return str(value)
        return None if self.config.media_type in media_types.CONFIGS else self.config.media_type


class Index(_Stored):
    """An image index: manifests for several platforms, or other indexes."""

    __slots__ = ("manifests",)

    def __init__(self, data: bytes, document: Document, media_type: str, subject: str) -> None:
        super().__init__(data, document, media_type)
        self.manifests = self._entries("manifests", subject)

    @classmethod
    def parse(cls, data: bytes, subject: str = "image index") -> Index:
        """The index in `data`, in OCI's or Docker's form. Raises FormatError."""
        found = parse(data, None, subject)
        if not isinstance(found, cls):
            raise FormatError(subject, "is a manifest, not an image index")
        return found

    @property
    def artifact_type(self) -> str | None:
        value = self.document.get("artifactType")
        return str(value) if value is not None else None

    def choose(self, platform: Platform) -> Descriptor | None:
        """The first of the manifests that suit a platform best; attestations (unknown/unknown) never do.

        An entry with no platform suits when it is the only manifest there is.
        """
        best: Descriptor | None = None
        score = 0
        candidates = 0
        silent: Descriptor | None = None
        for entry in self.manifests:
            theirs = entry.platform
            if media_types.is_index(entry.media_type) or (theirs is not None and not theirs.known):
                continue
            candidates += 1
            if theirs is None:
                silent = entry
            elif (suits := platform.runs(theirs)) > score:
                best, score = entry, suits
        return silent if candidates == 1 and silent is not None else best

    def nested(self) -> list[Descriptor]:
        """The entries that are indexes themselves."""
        return [entry for entry in self.manifests if media_types.is_index(entry.media_type)]


def find(index: Index, platform: Platform, read: Callable[[Descriptor], Manifest | Index]) -> Descriptor | None:
    """The manifest for a platform in an index, or else in the indexes that are in it, nearest first.

    `read` gives their documents. Each is read once, and MOST_NESTED of them: an index may name any number.
    """
    documents: list[Manifest | Index] = [index]
    waiting: list[Descriptor] = []
    known: set[str] = set()
    while documents or waiting:
        document = documents.pop() if documents else read(waiting.pop(0))
        if not isinstance(document, Index):
            continue
        found = document.choose(platform)
        if found is not None:
            return found
        new = [entry for entry in document.nested() if entry.digest not in known][: MOST_NESTED - len(known)]
        known.update(entry.digest for entry in new)
        waiting.extend(new)
    return None


def parse(data: bytes, media_type: str | None, subject: str = "manifest") -> Manifest | Index:
    """The manifest or index in `data`, told apart by what was said of it and by what it says itself.

    `media_type` is the Content-Type (parameters are ignored) or the descriptor's; where the document has a mediaType
    too, they must agree (distribution-spec 1.1, Pulling manifests). A document with both `layers` and `manifests` could
    be read as either and is refused. Raises FormatError.
    """
    said = media_type.partition(";")[0].strip().lower() if media_type is not None else None
    document = jsondoc.load_object(data, subject)
    own = document.get("mediaType")
    own = own if isinstance(own, str) else None
    if said in media_types.SCHEMA_1 or document.get("schemaVersion") == 1:
        raise FormatError(subject, "is a Docker schema 1 manifest, which is no longer supported (push the image anew)")
    if said is not None and said not in media_types.INDEXES | media_types.MANIFESTS:
        raise FormatError(subject, f"came as {said}, which is no image manifest or index")
    if said and own and own != said:
        raise FormatError(subject, f"is {own[:200]} by its mediaType, but came as {said}")
    is_index = said in media_types.INDEXES if said else own in media_types.INDEXES or "manifests" in document
    name = "image-index" if is_index else "image-manifest"
    semantics.check(name, validate.check(name, document, subject), subject)
    chosen = said or own
    if is_index:
        return Index(data, document, chosen or media_types.OCI_INDEX, subject)
    return Manifest(data, document, chosen or media_types.OCI_MANIFEST, subject)
