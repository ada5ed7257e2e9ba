"""References: the layout's index.json, where each entry is the descriptor of an image with its name as annotation.

One entry has one name (`org.opencontainers.image.ref.name`, written in full: registry/repository:tag). When a name
moves to another image, the old entry stays without a name as long as no other name has it; that image is dangling, and
pruning takes it. Changes are made under the kernel lock of the images directory and replace the file whole; readers
take no lock.
"""

from __future__ import annotations

import os

from oci_spec import image_layout, reference
from oci_spec.descriptor import REF_NAME
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt, Denied, NotFound
from ..host import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from oci_spec.descriptor import Descriptor

    from .store import Store

INDEX_LIMIT = 64 << 20
"""The largest index.json we read: some 100,000 images."""
_HEX = frozenset("0123456789abcdef")


class Refs:
    """The names of the store's images."""

    __slots__ = ("path", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.images, "index.json")

    def entries(self) -> list[Descriptor]:
        """Every entry, named or not, in the index's order. An absent store has none. Raises Corrupt, Denied."""
        try:
            data = files.read_limited(self.path, INDEX_LIMIT)
        except NotFound:
            return []
        except PermissionError:
            raise Denied(self.path, "permission denied", "run as root, or name another --root") from None
        try:
            return image_layout.parse_index(data, self.path).manifests
        except FormatError as error:
            raise Corrupt(
                str(error), "the store's index is damaged", "restore it from a backup, or pull again"
            ) from None

    def resolve(self, text: str) -> Descriptor:
        """The entry that a name, digest, or unique prefix of a digest's hex stands for.

        A name is completed as for a pull; name@digest asks for the digest under that repository. Raises NotFound,
        Conflict for a prefix of several images, and FormatError for what is no reference at all.
        """
        entries = self.entries()
        if len(text) >= 4 and (text.startswith("sha256:") or _HEX.issuperset(text)):
            found = self._by_digest(text.removeprefix("sha256:"), entries)
            if found is not None:
                return found
            if text.startswith("sha256:") or len(text) == 64:
                raise NotFound(text, "no such image", "img-ls lists what is in the store")
        wanted = reference.parse(text)
        if wanted.digest:
            for entry in entries:
                if entry.digest == wanted.digest and _repository(entry) in (wanted.name, None):
                    return entry
        else:
            name = str(wanted)
            for entry in entries:
                if entry.name == name:
                    return entry
            for entry in entries:
                if entry.name == text:  # a name that another tool wrote into the layout as it stands
                    return entry
        raise NotFound(str(wanted), "no such image in the store", "img-pull fetches it, img-ls lists what is there")

    def _by_digest(self, prefix: str, entries: list[Descriptor]) -> Descriptor | None:
        found = [entry for entry in entries if entry.digest.hex.startswith(prefix)]
        distinct = {entry.digest for entry in found}
        if len(distinct) > 1:
            raise Conflict(prefix, f"stands for {len(distinct)} images", "give more digits")
        return next((entry for entry in found if entry.name), found[0] if found else None)

    def tag(self, descriptor: Descriptor, name: str) -> Descriptor:
        """Makes `name` (in full) stand for the image; returns its entry. The image's content must be there."""
        return self.enter([(descriptor, name)])[0]

    def enter(self, images: Iterable[tuple[Descriptor, str]]) -> list[Descriptor]:
        """Makes each name stand for its image, all at once; returns the entries.

        An image whose name is '' is entered without one, unless it has an entry already.
        """
        wanted = [descriptor.annotated({REF_NAME: name or None}) for descriptor, name in images]

        def change(entries: list[Descriptor]) -> list[Descriptor]:
            for entry in wanted:
                entries = _entered(entries, entry)
            return entries

        self._change(change)
        return wanted

    def untag(self, name: str) -> Descriptor:
        """Removes a name. Returns its entry; the image is forgotten when that was its last name. Raises NotFound."""
        removed: list[Descriptor] = []

        def change(entries: list[Descriptor]) -> list[Descriptor]:
            removed[:] = [entry for entry in entries if entry.name == name]
            return [entry for entry in entries if entry.name != name]

        self._change(change)
        if not removed:
            raise NotFound(name, "no such image in the store", "img-ls lists what is there")
        return removed[0]

    def forget(self, descriptor: Descriptor) -> list[Descriptor]:
        """Removes every entry of an image, whatever its names; returns them."""
        removed: list[Descriptor] = []

        def change(entries: list[Descriptor]) -> list[Descriptor]:
            removed[:] = [entry for entry in entries if entry.digest == descriptor.digest]
            return [entry for entry in entries if entry.digest != descriptor.digest]

        self._change(change)
        return removed

    def _change(self, change: Callable[[list[Descriptor]], list[Descriptor]]) -> None:
        self.store.prepare()
        try:
            with locks.locked(self.store.images):
                before = self.entries()
                after = change(list(before))
                if after != before:
                    files.write_atomic(self.path, image_layout.dump_index(after))
        except PermissionError:
            raise Denied(self.path, "permission denied", "run as root, or name another --root") from None


def _entered(entries: list[Descriptor], entry: Descriptor) -> list[Descriptor]:
    """The entries with one more, or in another's place. An image that loses its last name stays, without one."""
    if entry in entries or (not entry.name and any(other.digest == entry.digest for other in entries)):
        return entries
    kept = [
        other
        for other in entries
        if not ((entry.name and other.name == entry.name) or (other.digest == entry.digest and not other.name))
    ]
    moved = [other for other in entries if other.name == entry.name and other.digest != entry.digest and entry.name]
    named = {other.digest for other in kept}
    kept += [other.annotated({REF_NAME: None}) for other in moved if other.digest not in named]
    return [*kept, entry]


def _repository(entry: Descriptor) -> str | None:
    if not entry.name:
        return None
    try:
        return reference.parse(entry.name).name
    except FormatError:
        return None
