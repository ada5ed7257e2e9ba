"""Removing images: names first, content when its last name is gone and nothing uses it."""

from __future__ import annotations

from oci_spec.descriptor import REF_NAME

from ..errors import Conflict, NotFound
from ..store.collect import discard
from .local import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.jsondoc import Document

    from ..store.store import Store


def remove(store: Store, item: str | dict[str, object], *, force: bool = False) -> Iterator[Document]:
    """Untags or deletes; yields an action document for each name that went and one for the image itself.

    Raises NotFound, and Conflict where the image has other names or a container uses it and `force` is not set.
    """
    entry = find(store, item)
    everything = [other for other in store.refs.entries() if other.digest == entry.digest]
    by_name = entry.name is not None and (isinstance(item, dict) or not _is_digest(item, entry))
    going = [other for other in everything if other.name == entry.name] if by_name else everything
    if not going:
        raise NotFound(str(entry.digest), "no name in the store stands for it", "img-ls lists what is there")
    if len(going) > 1 and not force:
        names = ", ".join(sorted(str(other.name) for other in going))
        raise Conflict(str(entry.digest), f"has several names: {names}", "name one of them, or use --force")
    users = store.containers.using(entry.digest) if len(going) == len(everything) else []
    if users and not force:
        raise Conflict(
            entry.name or str(entry.digest),
            f"container {users[0]} uses it",
            "remove the container first, or use --force",
        )
    gone = []
    for one in going:
        if store.refs.drop(one):
            gone.append(one)
            if one.name:
                yield {"action": "untag", "object": one.document, "reasons": []}
    if not gone:
        raise NotFound(entry.name or str(entry.digest), "another command has removed it", "img-ls lists what is there")
    if all(other.digest != entry.digest for other in store.refs.entries()):
        discard(store, gone)
        yield {"action": "delete", "object": entry.annotated({REF_NAME: None}).document, "reasons": []}


def _is_digest(item: str, entry: Descriptor) -> bool:
    """Whether an operand named the image by its digest, in full or by its beginning."""
    return len(item) >= 4 and entry.digest.hex.startswith(item.removeprefix("sha256:"))
