"""The layout's own files: oci-layout, index.json and its copy."""

from __future__ import annotations

import os

from oci_spec import jsondoc, validate
from oci_spec.jsondoc import FormatError

from ..errors import Corrupt, NotFound
from ..host import files, seals
from .finding import finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document

    from ..store.store import Store

_LAYOUT_LIMIT = 1 << 16


def read(store: Store) -> tuple[list[Descriptor], Document | None]:
    """The store's entries, and what is wrong with the index: then they are what its copy has."""
    problem, code = "", ""
    entries: list[Descriptor] = []
    try:
        entries = store.refs.entries()
        data = files.read_limited(store.refs.path, 64 << 20)
        if seals.is_broken(store.refs.path, data):
            code, problem = "INDEX_DAMAGED", "its content has changed, though nobody wrote to it"
    except Corrupt as error:
        missing = not os.path.lexists(store.refs.path)
        code, problem = "INDEX_MISSING" if missing else "INDEX_DAMAGED", "is missing" if missing else error.subject
    except NotFound:
        if not store.refs.spare_entries():
            return entries, None  # no image was ever here
        code, problem = "INDEX_MISSING", "is missing, with the whole layout"
    if not code:
        return entries, None
    spare = store.refs.spare_entries()
    remedy = "" if spare is not None else "img-pull --repair gets back what can be read, names may be lost"
    wrong = finding(code, place("index", store.root, store.refs.path), problem, remedy=remedy)
    return spare if spare is not None else entries, wrong


def layout(store: Store) -> Iterator[Document]:
    """What is wrong with oci-layout. Where there is no layout yet, or none any more, that is the index's finding."""
    if not os.path.lexists(store.images):
        return
    path = os.path.join(store.images, "oci-layout")
    target = place("layout", store.root, path)
    try:
        data = files.read_limited(path, _LAYOUT_LIMIT)
        validate.check("image-layout", jsondoc.load_object(data, path), path)
    except NotFound:
        yield finding("LAYOUT_MISSING", target, "is missing: other tools take the directory for no image layout")
    except (Corrupt, FormatError) as error:
        yield finding("LAYOUT_DAMAGED", target, error.problem)


def spare(store: Store, entries: list[Descriptor]) -> Iterator[Document]:
    """Whether the index's copy is up to date; when not, the next change of a name writes it anew."""
    kept = store.refs.spare_entries()
    if kept != entries and (entries or kept):
        problem = "is missing or damaged" if kept is None else "is not what the index says"
        yield finding(
            "INDEX_COPY_STALE", place("index copy", store.root, store.refs.spare), problem, garbage=True,
        )  # fmt: skip


def duplicates(store: Store, entries: list[Descriptor]) -> Iterator[Document]:
    """Names that stand for two images at once."""
    seen: dict[str, Descriptor] = {}
    for entry in entries:
        if entry.name is None:
            continue
        other = seen.setdefault(entry.name, entry)
        if other.digest != entry.digest:
            yield finding(
                "NAME_TWICE", place("index", store.root, store.refs.path, id=entry.name),
                f"stands for {other.digest} and for {entry.digest}",
                remedy=f"img-tag {other.digest} {entry.name}", images=[entry.name],
            )  # fmt: skip
