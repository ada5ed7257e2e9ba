"""Layer compression: gzip through isal, zstd through zstandard, both as streams in bounded memory.

A layer's magic bytes decide, not its media type: registries serve layers whose type lies, and every peer reads them.
Compressed output is deterministic for one version of the compressor (no name, no time, fixed level); only the diff
ID, never a compressed digest, is the same across versions.
"""

from __future__ import annotations

import os

from oci_spec.media_types import detect

from ..errors import Corrupt, Unsupported
from .pipe import filled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .pipe import Pipe

KINDS = ("none", "gzip", "zstd")
PIECE = 1 << 18
"""The most bytes that inflating gzip hands out at once."""
_ZSTD_SLICE = 2048
"""Compressed bytes fed to zstd at once. A block of 4 bytes stands for at most 128 KiB, so one slice makes at most
64 MiB; typical layers make some KiB of it, which are gathered to PIECE bytes."""
_GZIP_LEVEL = 2
_GZIP_BLOCK = 1 << 20
"""Bytes that one thread compresses at a time; another size makes other bytes."""
_ZSTD_LEVEL = 3


def decompress(chunks: Iterable[bytes], subject: str = "layer") -> Iterator[bytes]:
    """The plain content of `chunks`, of whichever compression they show to have, in pieces of bounded size.

    Several gzip members or zstd frames in a row are one stream; what follows the last and begins none is ignored, as
    gzip(1) does. Raises Corrupt for a damaged or truncated stream, Unsupported for another compression.
    """
    source = iter(chunks)
    start = b""
    while len(start) < 6 and (chunk := next(source, None)) is not None:
        start += chunk
    kind = detect(start)
    if kind == "gzip":
        yield from _gunzip(start, source, subject)
    elif kind == "zstd":
        yield from _unzstd(start, source, subject)
    elif kind == "none":
        if start:
            yield start
        yield from source
    else:
        raise Unsupported(subject, f"is compressed with {kind}", "layers are plain, gzip or zstd: have it built again")


def compress(pieces: Iterable[bytes], kind: str) -> Iterator[bytes]:
    """`pieces` as a stream compressed by `none`, `gzip` or `zstd`, on several processors at once.

    The bytes depend neither on how many those are nor on how the content is cut. Raises Unsupported.
    """
    if kind == "gzip":
        return _gzip(pieces)
    if kind == "zstd":
        return _zstd(pieces)
    if kind == "none":
        return iter(pieces)
    raise Unsupported(f"compression {kind}", "is not known", "choose gzip, zstd or none")


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    from isal import igzip_threaded

    def fill(pipe: Pipe) -> None:
        file = _PipeFile(pipe)
        with igzip_threaded.open(  # type: ignore[no-untyped-call]
            file, "wb", _GZIP_LEVEL, threads=_threads(), block_size=_GZIP_BLOCK
        ) as writer:
            for block in _blocks(pieces, _GZIP_BLOCK):
                writer.write(block)

    return filled(fill)


def _blocks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same content in blocks of `size` bytes: where it is cut shows in what igzip makes of it."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        while len(gathered) >= size:
            yield bytes(memoryview(gathered)[:size])
            del gathered[:size]
    if gathered:
        yield bytes(gathered)


class _PipeFile:
    """The writing end of a pipe, as the file that igzip writes to."""

    __slots__ = ("_pipe",)

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def write(self, data: bytes) -> int:
        if not self._pipe.put(data):
            raise BrokenPipeError
        return len(data)

    def flush(self) -> None:
        pass  # nothing is held back

    def close(self) -> None:
        pass  # its end is told by whoever fills the pipe


def _zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    import zstandard

    made = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True, threads=_threads()).compressobj()
    for piece in pieces:
        if out := made.compress(piece):
            yield out
    yield made.flush()


def _threads() -> int:
    """Never one, which would be another format of zstd than several make."""
    return min(max(len(os.sched_getaffinity(0)), 2), 8)


def _gunzip(start: bytes, source: Iterator[bytes], subject: str) -> Iterator[bytes]:
    from isal import igzip_lib

    member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    chunk: bytes | None = start
    while chunk is not None:
        try:
            piece = member.decompress(chunk, PIECE)
        except (igzip_lib.error, ValueError) as error:  # type: ignore[misc]  # its stub calls the class a value
            raise _damaged(subject, "gzip", error) from None
        if piece:
            yield piece
        if member.eof:
            chunk = _next_start(member.unused_data, source, "gzip")
            if chunk is None:
                return
            member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        else:
            chunk = next(source, None) if member.needs_input else b""
    raise _truncated(subject, "gzip")


def _unzstd(start: bytes, source: Iterator[bytes], subject: str) -> Iterator[bytes]:
    import zstandard

    frame = zstandard.ZstdDecompressor().decompressobj()
    pieces: list[bytes] = []
    size = 0
    chunk: bytes | None = start
    while chunk is not None:
        view = memoryview(chunk)
        position = 0
        chunk = None
        while position < len(view):
            try:
                piece = frame.decompress(view[position : position + _ZSTD_SLICE])
            except zstandard.ZstdError as error:
                raise _damaged(subject, "zstd", error) from None
            position += _ZSTD_SLICE
            pieces.append(piece)
            size += len(piece)
            if size >= PIECE:
                yield b"".join(pieces)
                pieces.clear()
                size = 0
            if frame.eof:
                chunk = _next_start(frame.unused_data + view[position:].tobytes(), source, "zstd")
                if chunk is None:
                    yield b"".join(pieces)
                    return
                frame = zstandard.ZstdDecompressor().decompressobj()
                break
        else:
            chunk = next(source, None)
    raise _truncated(subject, "zstd")


def _next_start(rest: bytes, source: Iterator[bytes], kind: str) -> bytes | None:
    """The beginning of another member or frame after the end of one, or None; the source is then read to its end."""
    while len(rest) < 6 and (chunk := next(source, None)) is not None:
        rest += chunk
    if detect(rest) == kind:
        return rest
    for _ in source:
        pass
    return None


_REMEDY = "the image is broken: pull it again, or tell who publishes it"


def _damaged(subject: str, kind: str, error: Exception) -> Corrupt:
    return Corrupt(subject, f"its {kind} stream is damaged: {error}", _REMEDY)


def _truncated(subject: str, kind: str) -> Corrupt:
    return Corrupt(subject, f"its {kind} stream is truncated", _REMEDY)
