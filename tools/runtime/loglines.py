"""The log of a container, read: entries from its pieces, from a place on, from the end, and as it grows.

An entry is (time, stream, whole, text), in bytes as they stand in the log; stream is 1 for stdout and 2 for stderr.
`whole` says that a line of the output ends with it: its line feed is not part of the text. A line longer than the
monitor's buffer comes in several entries; the last line of an output that ends without a line feed has no whole one.
"""

from __future__ import annotations

import os

from . import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Entry = tuple[bytes, int, bool, bytes]

_CHUNK = 1 << 18
_BLOCK = 1 << 16
_UTC = b"+00:00"
_STREAMS = {b"stdout": 1, b"stderr": 2}
_LONGEST = 1 << 16


def parsed(line: bytes) -> Entry | None:
    """The entry in a line of the log; None for what is none."""
    parts = line.split(b" ", 3)
    if len(parts) < 4:
        return None
    stream = _STREAMS.get(parts[1])
    if stream is None or parts[2] not in (b"F", b"P"):
        return None
    return parts[0], stream, parts[2] == b"F", parts[3]


def utc(time: bytes) -> str:
    """An entry's time as RFC 3339 in UTC, with all nine digits of a second, so that texts sort as moments do."""
    if time.endswith(_UTC) and len(time) == len("2026-01-01T00:00:00.000000000+00:00"):
        return f"{time[:-6].decode('ascii', 'replace')}Z"
    from ..host import times

    found = times.moment(time.decode("ascii", "replace"), 0)
    return times.stamp(found or 0)


class Reader:
    """Reads one log; `entries` gives what has come since it was last asked, also across pieces."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._number = 0
        self._offset = 0

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def begin_last(self, count: int, streams: tuple[int, ...]) -> None:
        """Begins with so many last lines of these streams; it takes as long as they are, however long the log is.

        A line in several entries is found from its beginning if no other line ends between them.
        """
        seen: set[int] = set()
        for number, path in reversed(pieces.listed(self._path)):
            fd = pieces.opened(self._path, number, path)
            if fd < 0:
                continue
            begin = os.fstat(fd).st_size
            for offset, line in _backwards(fd):
                entry = parsed(line)
                if entry is None or entry[1] not in streams:
                    continue
                if entry[2] or entry[1] not in seen:
                    if not count:
                        break
                    count -= 1
                    seen.add(entry[1])
                begin = offset
            else:
                self._enter(number, fd, begin)
                continue
            if self._fd < 0 or begin < os.fstat(fd).st_size:
                self._enter(number, fd, begin)
            else:
                os.close(fd)  # what is wanted begins with the piece after it
            return

    def begin_since(self, time: str) -> None:
        """Begins a little before the first entry of this time (see utc) or a later one."""
        for number, path in pieces.listed(self._path):
            fd = pieces.opened(self._path, number, path)
            if fd < 0:
                continue
            self._enter(number, fd, _before(fd, time))
            last = next((entry for _, line in _backwards(fd) if (entry := parsed(line))), None)
            if last is not None and utc(last[0]) >= time:
                return

    def entries(self) -> Iterator[Entry]:
        """What there is that it has not given yet. A last line that is still being written is none, for now."""
        while True:
            yield from self._rest()
            following = self._following()
            if following is None:
                return
            yield from self._rest()  # what was written before the next piece began
            self._enter(*following, 0)

    def _following(self) -> tuple[int, int] | None:
        """The number of the piece after the one that it is in, and a descriptor of it."""
        own = os.fstat(self._fd) if self._fd >= 0 else None
        for number, path in pieces.listed(self._path):
            if own is not None and number < self._number:
                continue
            fd = pieces.opened(self._path, number, path)
            if fd < 0:
                continue
            # With its own number it may be another: the monitor began anew, and nobody had given that one a number.
            if own is None or number > self._number or not os.path.samestat(own, os.fstat(fd)):
                return number, fd
            os.close(fd)
        return None

    def _enter(self, number: int, fd: int, offset: int) -> None:
        self.close()
        self._fd, self._number, self._offset = fd, number, offset

    def _rest(self) -> Iterator[Entry]:
        tail = b""
        while self._fd >= 0 and (chunk := os.pread(self._fd, _CHUNK, self._offset + len(tail))):
            *lines, tail = (tail + chunk).split(b"\n")
            for line in lines:
                self._offset += len(line) + 1
                entry = parsed(line)
                if entry is not None:
                    yield entry


def _backwards(fd: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their offsets, the last first."""
    position, head = os.fstat(fd).st_size, b""
    while position:
        begin = max(0, position - _BLOCK)
        first, *lines = (os.pread(fd, position - begin, begin) + head).split(b"\n")
        at = begin + len(first) + sum(len(line) + 1 for line in lines)
        for line in reversed(lines):
            at -= len(line)
            if line:
                yield at, line
            at -= 1
        position, head = begin, first
    if head:
        yield 0, head


def _before(fd: int, time: str) -> int:
    """A place in a piece where a line begins; what comes before it is older than `time`, not much that follows is."""
    low, high = 0, os.fstat(fd).st_size
    while high - low > _BLOCK:
        middle = (low + high) // 2
        data = os.pread(fd, _BLOCK // 2, middle)
        begin = data.find(b"\n") + 1
        entry = parsed(data[begin:])
        if begin and entry and utc(entry[0]) < time:
            low = middle + begin
        else:
            high = middle
    return low


class Joiner:
    """Makes entries lines again: those of one line become one, up to 64 KiB."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[bytes, list[bytes], int]] = {}

    def feed(self, entry: Entry) -> Entry | None:
        """The line that is finished, or too long, with this entry, if one is."""
        time, stream, whole, text = entry
        begun = self._begun.pop(stream, None)
        if begun is None:
            if whole:
                return entry
            begun = (time, [], 0)
        begun[1].append(text)
        size = begun[2] + len(text)
        if whole or size >= _LONGEST:
            return begun[0], stream, whole, b"".join(begun[1])
        self._begun[stream] = begun[0], begun[1], size
        return None

    def rest(self) -> Iterator[Entry]:
        """The lines that have no end."""
        for stream in sorted(self._begun):
            time, parts, _ = self._begun[stream]
            yield time, stream, False, b"".join(parts)
        self._begun.clear()
