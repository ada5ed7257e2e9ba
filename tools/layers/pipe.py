"""A bounded pipe of chunks between two threads: the slower side sets the pace, and neither waits for a dead one."""

from __future__ import annotations

import threading
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash

LIMIT = 4 << 20
"""Bytes that may lie in a pipe before its writer waits."""


class Pipe:
    """One thread puts chunks in and ends it; another iterates over them, or cancels."""

    __slots__ = ("_cancelled", "_changed", "_chunks", "_ended", "_error", "_limit", "_size")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._cancelled = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, chunk: bytes) -> bool:
        """Hands `chunk` over, waiting while the pipe is full; False when the reader has gone and it was dropped."""
        with self._changed:
            while self._size >= self._limit and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                return False
            self._chunks.append(chunk)
            self._size += len(chunk)
            self._changed.notify_all()
            return True

    def end(self, error: BaseException | None = None) -> None:
        """No more chunks. With an error the reader gets that, in place of what it has not read yet."""
        with self._changed:
            if error is not None and self._error is None:
                self._error = error
            self._ended = True
            self._changed.notify_all()

    def cancel(self) -> None:
        """The reader wants no more: what lies in the pipe is dropped and the writer is let go."""
        with self._changed:
            self._cancelled = True
            self._chunks.clear()
            self._size = 0
            self._changed.notify_all()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            with self._changed:
                while not self._chunks and not self._ended and not self._cancelled:
                    self._changed.wait()
                if self._error is not None:
                    raise self._error
                if not self._chunks:
                    return
                chunk = self._chunks.popleft()
                self._size -= len(chunk)
                self._changed.notify_all()
            yield chunk


def ahead(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks, made in a thread of their own so that making and using them overlap."""

    def fill(pipe: Pipe) -> None:
        for chunk in chunks:
            if not pipe.put(chunk):
                break

    return filled(fill)


def hashed(chunks: Iterable[bytes], state: Hash) -> Iterator[bytes]:
    """The same chunks, which `state` has seen by the time they are used."""
    for chunk in chunks:
        state.update(chunk)
        yield chunk


def filled(fill: Callable[[Pipe], None]) -> Iterator[bytes]:
    """What `fill` puts into the pipe it gets, in a thread of its own; what it raises is raised here."""
    pipe = Pipe()

    def work() -> None:
        try:
            fill(pipe)
        except BaseException as error:
            pipe.end(error)
        else:
            pipe.end()

    threading.Thread(target=work, name="filled", daemon=True).start()
    try:
        yield from pipe
    finally:
        pipe.cancel()
