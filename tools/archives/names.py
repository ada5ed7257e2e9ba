"""The names that images have in files, where they need not be references in full."""

from __future__ import annotations

from oci_spec import reference
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.descriptor import Descriptor

CONTAINERD_NAME = "io.containerd.image.name"
"""The annotation of an index's entry that containerd and Docker read the full name from."""


def full(name: str) -> str | None:
    """A name as a reference in full; None for a bare tag, which is no name, and for what is no reference."""
    if not any(mark in name for mark in "/:@"):
        return None
    try:
        return str(reference.parse(name))
    except FormatError:
        return None


def pick(images: list[tuple[Descriptor, list[str]]], wanted: str, subject: str) -> Descriptor:
    """The image with a name or digest, or the only image there is where `wanted` is ''. Raises NotFound, Conflict."""
    if not wanted:
        if len(images) == 1:
            return images[0][0]
        if not images:
            raise NotFound(subject, "holds no image")
        raise Conflict(subject, f"holds {len(images)} images", f"name one: {_shown(images)}")
    for root, names in images:
        if wanted in names or wanted == root.digest:
            return root
    try:
        completed = str(reference.parse(wanted))
    except FormatError:
        completed = wanted
    for root, names in images:
        if completed in map(full, names):
            return root
    raise NotFound(f"{subject}:{wanted}", "no such image", f"there are: {_shown(images)}" if images else "")


def _shown(images: list[tuple[Descriptor, list[str]]]) -> str:
    return ", ".join(", ".join(names) or root.digest for root, names in images[:20])
