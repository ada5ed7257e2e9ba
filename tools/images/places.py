"""Where img-copy copies from and to: `docker://REF` or a plain reference, and the kinds in KINDS."""

from __future__ import annotations

from oci_spec import reference

from ..errors import Unsupported, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.reference import Reference

KINDS = ("oci", "oci-archive", "docker-archive", "dir", "store")
REGISTRY = "docker"
_OTHERS = ("containers-storage", "docker-daemon", "ostree", "sif", "tarball", "atomic")
"""Transports of skopeo that are none of ours: as references they would be surprising."""


class Place:
    """One side of a copy. `kind` is one of KINDS or REGISTRY; `path` a file's or directory's, '' without; `name` the
    image's there, '' for none; `text` as it was written."""

    __slots__ = ("kind", "name", "path", "text")

    def __init__(self, kind: str, path: str, name: str, text: str) -> None:
        self.kind = kind
        self.path = path
        self.name = name
        self.text = text

    @property
    def reference(self) -> Reference:
        """The name as a reference in full. Raises FormatError."""
        return reference.parse(self.name)


def parse(text: str) -> Place:
    """A place as it is written: `KIND:PATH[:NAME]`, `store:REF`, `docker://REF` or `REF`. Raises UsageError for what is
    none, Unsupported for a kind that only skopeo has, FormatError for what is no reference."""
    kind, colon, rest = text.partition(":")
    if colon and kind in KINDS:
        path, _, name = rest.partition(":")
        if kind == "store":
            path, name = "", rest
        if not (path or name) or (kind != "store" and not path):
            raise UsageError(text, "names no image" if kind == "store" else "names no path", f"write {kind}:…")
        if kind == "dir" and name:
            path, name = rest, ""  # a directory may have any name, and holds one image only
        return Place(kind, path, name, text)
    if colon and kind in _OTHERS:
        raise Unsupported(text, f"{kind} is none of the places that are known", f"choose from {', '.join(KINDS)}")
    place = Place(REGISTRY, "", text.removeprefix("docker://"), text)
    if not place.reference.name:
        raise UsageError(text, "names no image", "write registry/repository:tag")
    return place
