"""What img-ls and img-inspect show."""

from __future__ import annotations

from oci_spec import manifest as manifests
from oci_spec import media_types, reference
from oci_spec.descriptor import CREATED, IMAGE_SIZE

from ..errors import NotFound, OcipipeError, Unsupported
from .entry import describe, is_runnable, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store


def images(ctx: Context, store: Store, names: list[str]) -> Iterator[Descriptor]:
    """The store's entries, newest first; with `names`, those of these references or whole repositories.

    Raises NotFound, at its end, for a name that nothing matched.
    """
    wanted = [(name, _full(name)) for name in names]
    matched: set[str] = set()
    entries = []
    for entry in store.refs.entries():
        found = [name for name, full in wanted if _matches(entry, full)]
        if found or not names:
            matched.update(found)
            entries.append(_described(ctx, store, entry))
    entries.sort(key=lambda entry: entry.annotations.get(CREATED, ""), reverse=True)
    yield from entries
    for name in names:
        if name not in matched:
            raise NotFound(name, "no such image in the store", "img-ls without a name lists all")


def _full(name: str) -> str:
    return str(reference.parse(name, default_tag=False))


def _matches(entry: Descriptor, full: str) -> bool:
    name = entry.name or ""
    return name == full or (name.startswith(full) and name[len(full)] in ":@" and "@" not in full)


def _described(ctx: Context, store: Store, entry: Descriptor) -> Descriptor:
    """An entry that another tool wrote lacks our annotations: they are read from its documents."""
    if (
        IMAGE_SIZE in entry.annotations
        or entry.document.get("platform")
        or not media_types.is_manifest(entry.media_type)
    ):
        return entry
    try:
        return describe(store, entry, **entry.annotations)
    except OcipipeError as error:
        ctx.progress.warn(str(error))
        return entry


def inspect(store: Store, entry: Descriptor) -> Document:
    """All that the store knows of an image in one document: descriptor, and its index, or manifest and config."""
    document = parse(store, entry)
    found: Document = {"descriptor": entry.document}
    if isinstance(document, manifests.Index):
        found["index"] = document.document
        return found
    found["manifest"] = document.document
    if is_runnable(document):
        from oci_spec import jsondoc

        found["config"] = jsondoc.loads(store.blobs.read(document.config), str(document.config.digest))
    return found


def stored(store: Store, entry: Descriptor, part: str) -> bytes:
    """The stored bytes of an image's `manifest`, `config` or `index`, unchanged. Raises Unsupported, NotFound."""
    document = parse(store, entry)
    if isinstance(document, manifests.Index):
        if part == "index":
            return document.raw
        raise Unsupported(
            entry.name or str(entry.digest), "is an index of several images", "see --index, name one by digest"
        )
    if part == "index":
        raise Unsupported(entry.name or str(entry.digest), "is a single image, no index", "see --manifest")
    return document.raw if part == "manifest" else store.blobs.read(document.config)
