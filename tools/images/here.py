"""What the store has of an image that is to be pulled, and whether that will do."""

from __future__ import annotations

from oci_spec import descriptor as fields
from oci_spec import media_types

from ..errors import NotFound, Unsupported
from ..host import machine
from .entry import describe
from .local import chosen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor
    from oci_spec.platform import Platform
    from oci_spec.reference import Reference

    from ..store.store import Store


class Here:
    """entry: what the reference stands for; image: that, or of the index that it is the image that was asked for."""

    __slots__ = ("_all_platforms", "_platform", "entry", "image")

    def __init__(self, entry: Descriptor, image: Descriptor, platform: Platform | None, *, all_platforms: bool) -> None:
        self.entry = entry
        self.image = image
        self._platform = platform
        self._all_platforms = all_platforms

    @classmethod
    def find(
        cls, store: Store, wanted: Reference, platform: Platform | None, *, all_platforms: bool = False
    ) -> Here | None:
        """What is here of a reference, if it suits: for the platform (None: this host's), or all of them.

        An image that was chosen from an index is not all of it. An index suits where its image for the platform is
        here, whole; that one is the answer when the platform was named.
        """
        try:
            entry = store.refs.resolve(str(wanted))
        except NotFound:
            return None
        image: Descriptor | None = entry
        if all_platforms:
            image = None if fields.INDEX_DIGEST in entry.annotations else entry
        elif media_types.is_index(entry.media_type):
            inner = _within(store, entry, platform)
            image = inner if platform or inner is None else entry
        elif platform and entry.platform and not platform.runs(entry.platform):
            image = None
        return cls(entry, image, platform, all_platforms=all_platforms) if image is not None else None

    @property
    def is_exact(self) -> bool:
        """Whether the registry can have no better: where arm/v6 is here for arm/v7, it may."""
        chosen_here = self._all_platforms or self._platform is None or self.image is not self.entry
        return chosen_here or self.entry.platform in (None, self._platform)

    def is_current(self, root: Descriptor) -> bool:
        """Whether it is what the registry's `root` stands for: itself, or its image for the very platform."""
        if root.digest == self.entry.digest:
            return True
        platform = self._platform or machine.platform()
        return self.entry.platform == platform and root.digest == self.entry.annotations.get(fields.INDEX_DIGEST)


def _within(store: Store, entry: Descriptor, platform: Platform | None) -> Descriptor | None:
    """The entry of the image for a platform in an index, where all of that is here."""
    try:
        found, manifest = chosen(store, entry, platform)
    except (NotFound, Unsupported):
        return None
    if not all(map(store.blobs.exists, (manifest.config, *manifest.layers))):
        return None
    kept = {name: entry.annotations.get(name) for name in (fields.REF_NAME, fields.ORIGIN)}
    return describe(store, found, **kept, **{fields.INDEX_DIGEST: entry.digest})
