"""A layer under another compression: same diff ID, new blob."""

from __future__ import annotations

from oci_spec import digest

from . import compression
from .pipe import hashed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.digest import Digest


class Recompressed:
    """Iterating streams the new blob; afterwards `diff_id` (sha256) is that of the content that was streamed.

    `read` gives the stored blob's bytes from the start and is called once an iteration, so it can be streamed again:
    the bytes are the same each time. `kind` is `gzip`, `zstd` or `none`. Raises what `compression.decompress` raises;
    whoever uses the result compares `diff_id` with the image config's before publishing it.
    """

    __slots__ = ("_kind", "_read", "_subject", "diff_id")

    def __init__(self, read: Callable[[], Iterator[bytes]], kind: str, subject: str = "layer") -> None:
        self._read = read
        self._kind = kind
        self._subject = subject
        self.diff_id: Digest | None = None

    def __iter__(self) -> Iterator[bytes]:
        self.diff_id = None
        plain = digest.hasher()
        content = hashed(compression.decompress(self._read(), self._subject), plain)
        yield from compression.compress(content, self._kind)
        self.diff_id = digest.Digest(f"sha256:{plain.hexdigest()}")
