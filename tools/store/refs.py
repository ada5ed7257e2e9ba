"""References: the layout's index.json, where each entry is the descriptor of an image with its name as annotation.

One entry has one name (`org.opencontainers.image.ref.name`, written in full: registry/repository:tag). When a name
moves to another image, the old entry stays without a name as long as no other name has it; that image is dangling, and
pruning takes it. Changes are made under the kernel lock of the images directory and replace the file whole; readers
take no lock.

The names are the one thing of a store that no registry gives back, so each change is also written to a copy beside the
layout, `index.json.copy`; repair restores a lost or damaged index from it.
"""

from __future__ import annotations

import os

from oci_spec import image_layout, reference
from oci_spec.descriptor import REF_NAME, Descriptor
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt, Denied, NotFound
from ..host import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from oci_spec.jsondoc import Document

    from .store import Store

INDEX_LIMIT = 64 << 20
"""The largest index.json we read: some 100,000 images."""
REPAIR = "store-check | img-pull --repair restores it"
_HEX = frozenset("0123456789abcdef")


class Refs:
    """The names of the store's images."""

    __slots__ = ("path", "spare", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.images, "index.json")
        self.spare = os.path.join(store.root, "index.json.copy")

    def entries(self) -> list[Descriptor]:
        """Every entry, named or not, in the index's order. An absent store has none. Raises Corrupt, Denied."""
        return [self._parsed(document) for document in self._load()]

    def sound_entries(self) -> list[Descriptor]:
        """The same for who deletes what they don't name. Raises Corrupt also for an index that a disk has changed."""
        return [self._parsed(document) for document in self._load(sealed=True)]

    def resolve(self, text: str) -> Descriptor:
        """The entry that a name, digest, or unique prefix of a digest's hex stands for.

        A name is completed as for a pull; name@digest asks for the digest under that repository. Raises NotFound,
        Conflict for a prefix of several images, Corrupt, and FormatError for what is no reference at all. Only the
        entry that is found is looked at closely, so that the others cost little.
        """
        documents = self._load()
        if len(text) >= 4 and (text.startswith("sha256:") or _HEX.issuperset(text)):
            found = _by_digest(text.removeprefix("sha256:"), documents)
            if found is not None:
                return self._parsed(found)
            if text.startswith("sha256:") or len(text) == 64:
                raise NotFound(text, "no such image", "img-ls lists what is in the store")
        wanted = reference.parse(text)
        if wanted.digest:
            for document in documents:
                if document.get("digest") == wanted.digest and _repository(document) in (wanted.name, None):
                    return self._parsed(document)
        else:
            for name in (str(wanted), text):  # the second: as another tool wrote it into the layout
                for document in documents:
                    if _name(document) == name:
                        return self._parsed(document)
        raise NotFound(str(wanted), "no such image in the store", "img-pull fetches it, img-ls lists what is there")

    def _load(self, *, sealed: bool = False) -> list[Document]:
        """The entries' documents. Raises Corrupt for an index that is none, Denied."""
        try:
            data = files.read_in(self.store.images, "index.json", INDEX_LIMIT, self.path, sealed=sealed)
            return [] if data is None else image_layout.load_entries(data, self.path)
        except Corrupt as error:
            raise Corrupt(error.subject, error.problem, REPAIR) from None
        except NotFound:
            raise Corrupt(self.path, "the store's index is missing", REPAIR) from None
        except PermissionError:
            raise Denied(self.path, "permission denied", "run as root, or name another --root") from None
        except FormatError as error:
            raise self._damaged(error) from None

    def _parsed(self, document: Document) -> Descriptor:
        try:
            return Descriptor.parse(document, f"{self.path}: entry {_name(document) or document.get('digest')}")
        except FormatError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: FormatError) -> Corrupt:
        return Corrupt(str(error), "the store's index is damaged", REPAIR)

    def spare_entries(self) -> list[Descriptor] | None:
        """The entries as they were when we last changed them, from the index's copy; None when there is no good one."""
        try:
            data = files.read_limited(self.spare, INDEX_LIMIT, sealed=True)
            return image_layout.parse_index(data, self.spare).manifests
        except (NotFound, Corrupt, FormatError):
            return None

    def tag(self, descriptor: Descriptor, name: str) -> Descriptor:
        """Makes `name` (in full) stand for the image; returns its entry. The image's content must be there."""
        return self.enter([(descriptor, name)])[0]

    def enter(self, images: Iterable[tuple[Descriptor, str]]) -> list[Descriptor]:
        """Makes each name stand for its image, all at once; returns the entries.

        An image whose name is '' is entered without one, unless it has an entry already.
        """
        wanted = [descriptor.annotated({REF_NAME: name or None}) for descriptor, name in images]

        def change(documents: list[Document]) -> list[Document]:
            if not {entry.digest for entry in wanted} <= {document.get("digest") for document in documents}:
                self.store.blobs.sync()
            for entry in wanted:
                documents = _entered(documents, entry)
            return documents

        self._change(change)
        return wanted

    def replace(self, entry: Descriptor) -> None:
        """Makes an entry the only one of its name, or of its image without a name: what had the name before goes."""

        def stays(document: Document) -> bool:
            return _name(document) != entry.name or (not entry.name and document["digest"] != entry.digest)

        self._change(lambda documents: [*filter(stays, documents), entry.document])

    def drop(self, entry: Descriptor) -> bool:
        """Removes this very entry, by its name (or its having none) and digest; whether it was there."""

        def stays(document: Document) -> bool:
            return document.get("digest") != entry.digest or _name(document) != entry.name

        return self._change(lambda documents: list(filter(stays, documents)))

    def _change(self, change: Callable[[list[Document]], list[Document]]) -> bool:
        """Replaces the index by what `change` makes of its entries; whether that is anything new."""
        self.store.prepare()
        try:
            with locks.locked(self.store.images):
                before = self._load()
                after = change(before)
                if after != before:
                    self.write(after)
                else:  # who wrote what is there may have been killed before it was sure to stay
                    files.sync_directory(self.store.images)
                return after != before
        except PermissionError:
            raise Denied(self.path, "permission denied", "run as root, or name another --root") from None

    def write(self, documents: list[Document]) -> None:
        """Replaces the index by these entries, and then its copy, which is written out before, so that a full disk
        shows itself while all is as it was. Under the lock of the images directory."""
        data = image_layout.dump_index(documents)
        with files.replacing(self.spare, durable=False) as spare:
            files.fill(spare, data, self.spare, sealed=True)
            files.write_atomic(self.path, data, sealed=True)


def _entered(documents: list[Document], entry: Descriptor) -> list[Document]:
    """The entries with one more, or in another's place. An image that loses its last name stays, without one."""
    if entry.document in documents:
        return documents
    kept, moved = [], []
    for other in documents:
        same = other.get("digest") == entry.digest
        if entry.name and _name(other) == entry.name:
            if not same:
                moved.append(other)
        elif not same or _name(other):
            kept.append(other)
        if same and not entry.name:
            return documents
    named = {other.get("digest") for other in kept}
    for other in moved:
        if other.get("digest") not in named:
            kept.append(Descriptor.parse(other, "index.json").annotated({REF_NAME: None}).document)
    return [*kept, entry.document]


def _by_digest(prefix: str, documents: list[Document]) -> Document | None:
    found = [one for one in documents if str(one.get("digest")).partition(":")[2].startswith(prefix)]
    distinct = {str(one["digest"]) for one in found}
    if len(distinct) > 1:
        raise Conflict(prefix, f"stands for {len(distinct)} images", "give more digits")
    return next(filter(_name, found), found[0] if found else None)


def _name(document: Document) -> str | None:
    """The name of an entry that nobody has checked yet."""
    annotations = document.get("annotations")
    name = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
    return name if isinstance(name, str) else None


def _repository(document: Document) -> str | None:
    name = _name(document)
    try:
        return reference.parse(name).name if name else None
    except FormatError:
        return None
