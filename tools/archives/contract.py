"""What an image's files are read from, and what reads images from them. For type checking only."""

from __future__ import annotations

from typing import Protocol

from ..store.contract import Destination, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest


class Member(Protocol):
    """One file."""

    size: int
    digest: Digest | None
    """Of the content, where it has been computed (sha256)."""

    def open(self, offset: int = 0) -> Iterator[bytes]:
        """The content from `offset` on. Raises Corrupt when there is less of it than `size`."""


class Members(Protocol):
    """Files by their paths, which have no `.`, no `..` and no leading slash."""

    name: str
    """For messages: the directory's or archive's path."""

    def find(self, path: str) -> Member | None:
        """The file under a path."""


class Images(Source, Protocol):
    """Images in files, with the names that they have there."""

    def images(self) -> list[tuple[Descriptor, list[str]]]:
        """Each image once, as it is described there, with its names as they stand. Raises Corrupt, NotFound."""


class Writer(Destination, Protocol):
    """Writes images into files. A tag may be any text there, and '' is none."""

    def finish(self) -> None:
        """Writes what stands at the end; nothing may follow."""
