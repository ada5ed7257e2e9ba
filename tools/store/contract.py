"""What content can be copied from and to. The store and a registry both keep this contract, so every move of an
image (pull, push, mirror, save, load) is one function over two of these.

Idempotence: pushing what exists succeeds and transfers nothing; tagging replaces. Verification: whoever takes bytes
in checks their size and digest before they become visible under it; a source only promises to try.
"""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.descriptor import Descriptor

    Reader = Callable[[int], Iterator[bytes]]
    """The content from a byte offset on, in chunks of any size. May be called again after a failure."""

    Tap = Callable[[bytes], None]
    """Sees every byte of a blob in order, while it is written."""


class Content(Protocol):
    """Where content is read from, by its descriptor."""

    name: str
    """For messages: `127.0.0.1:5000/debian`, or the store's path."""

    def read(self, descriptor: Descriptor) -> bytes:
        """A whole small document (manifest, index, config), verified. Raises NotFound, Corrupt."""

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """A blob's bytes from `offset` on, not yet verified. Raises NotFound."""


class Source(Content, Protocol):
    """Content that has names."""

    def resolve(self, reference: str) -> Descriptor:
        """The descriptor that a tag, name or digest stands for. Raises NotFound."""


class Sink(Protocol):
    """Where content goes to."""

    name: str

    def exists(self, descriptor: Descriptor) -> bool:
        """Whether the content is there, whole."""

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        """Takes a blob or manifest in; returns `done`, `exists` or `mounted`. Raises Corrupt, Unavailable, Denied.

        `read(offset)` supplies the bytes, from an offset where the destination resumes an earlier attempt. `origin`
        (`registry/repository`) is where the content is known to be, for a registry's cross-repository mount. `tap`
        is fed the whole content when this call is the one that writes it, and nothing otherwise; when the content
        proves wrong it has seen that, so another try, with content from elsewhere, wants another tap.
        """


class Destination(Sink, Protocol):
    """A sink where names can be given."""

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        """Makes `reference` stand for content that was pushed before."""
