"""The volumes of the store, chosen by filters and measured."""

from __future__ import annotations

from ..errors import Corrupt, UsageError
from ..host import trees
from ..volume.describe import describe, used
from .selection import Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oci_spec.jsondoc import Document

    from ..store.store import Store


def volumes(store: Store, filters: Sequence[str], *, size: bool) -> Iterator[Document | Exception]:
    """The document of each volume that passes every filter; with `size`, what it takes and who uses it as well.

    An error stands in the place of one whose record is damaged. Raises UsageError for a filter that is none.
    """
    dangling = [text.removeprefix("dangling=") for text in filters if text.startswith("dangling=")]
    for text in dangling:
        if text not in ("true", "false"):
            raise UsageError(f"--filter dangling={text}", "is neither true nor false")
    selection = Selection(filters=[text for text in filters if not text.startswith("dangling=")])
    usage = store.volumes.usage() if size or dangling else {}
    for name in store.volumes.names():
        try:
            volume = store.volumes.load(name)
        except Corrupt as error:
            yield error
            continue
        users = usage.get(name, [])
        if selection.fits([name], volume.labels) and all((text == "false") == bool(users) for text in dangling):
            yield used(volume, users, trees.size(volume.data)) if size else describe(volume)
