"""A layer under another compression: same diff ID, new blob."""

from __future__ import annotations

from oci_spec import digest

from . import compression
from .pipe import ahead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.digest import Digest


class Recompressed:
    """Iterating streams the new blob; afterwards `digest`, `size` and `diff_id` (sha256) describe what was streamed.

    `read` gives the stored blob's bytes from the start and is called once an iteration, so it can be streamed again:
    the bytes are the same each time. `kind` is `gzip`, `zstd` or `none`. Raises what `compression.decompress` raises;
    whoever uses the result compares `diff_id` with the image config's before publishing it.
    """

    __slots__ = ("_kind", "_read", "_subject", "diff_id", "digest", "size")

    def __init__(self, read: Callable[[], Iterator[bytes]], kind: str, subject: str = "layer") -> None:
        self._read = read
        self._kind = kind
        self._subject = subject
        self.digest: Digest | None = None
        self.diff_id: Digest | None = None
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        self.digest = self.diff_id = None
        self.size = 0
        blob, plain = digest.hasher(), digest.hasher()
        target = compression.compressor(self._kind)
        for piece in ahead(compression.decompress(self._read(), self._subject)):
            plain.update(piece)
            out = target.compress(piece)
            if out:
                blob.update(out)
                self.size += len(out)
                yield out
        out = target.flush()
        if out:
            blob.update(out)
            self.size += len(out)
            yield out
        self.digest = digest.Digest(f"sha256:{blob.hexdigest()}")
        self.diff_id = digest.Digest(f"sha256:{plain.hexdigest()}")
