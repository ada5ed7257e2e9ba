"""Exact reads from a stream of chunks, without copying where a chunk holds what is wanted."""

from __future__ import annotations

from .tarfields import Damaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Skip = Callable[[int], None]
    """Passes over so many of the bytes that would come next; raises Damaged where the archive ends before."""


class Chunks:
    """The stream, read so many bytes at a time."""

    __slots__ = ("_chunk", "_chunks", "_passed", "_position", "_skip")

    def __init__(self, chunks: Iterable[bytes], skip: Skip | None) -> None:
        self._chunks = iter(chunks)
        self._skip = skip
        self._chunk = b""
        self._position = 0
        self._passed = 0

    @property
    def offset(self) -> int:
        """How many bytes of the stream have been taken."""
        return self._passed + self._position

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes, or fewer at the stream's end."""
        position = self._position
        taken = self._chunk[position : position + count]
        self._position = position + len(taken)
        if len(taken) == count:
            return taken
        parts = [taken]
        missing = count - len(taken)
        while missing and self._next():
            part = self._chunk[:missing]
            self._position = len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def pieces(self, count: int) -> Iterator[memoryview]:
        """`count` bytes as views of the chunks. Raises Damaged when the stream ends before."""
        while count:
            left = len(self._chunk) - self._position
            if not left:
                if not self._next():
                    raise Damaged("the archive is truncated in the middle of a file")
                continue
            step = left if left < count else count
            start = self._position
            self._position = start + step
            count -= step
            yield memoryview(self._chunk)[start : start + step]

    def skip(self, count: int) -> None:
        left = len(self._chunk) - self._position
        if self._skip is not None and count > left:
            self._skip(count - left)
            self._passed += len(self._chunk) + count - left
            self._chunk = b""
            self._position = 0
            return
        for _ in self.pieces(count):
            pass

    def drain(self) -> None:
        while self._next():
            pass

    def _next(self) -> bool:
        self._passed += len(self._chunk)
        self._position = 0
        for chunk in self._chunks:
            if chunk:
                self._chunk = chunk
                return True
        self._chunk = b""
        return False
