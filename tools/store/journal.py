"""The journal: what happened to the store's objects, as lines that are only ever appended.

    events/NUMBER-BOOT   a segment: one JSON object a line, without its cursor (schema event)

NUMBER counts up, and BOOT begins the id of the boot (proc(5)) in which the segment was written: a power cut may take
lines that a reader has seen, and what is written after it must not stand where its cursor points. The newest KEPT
segments stay. Whoever appends holds the kernel lock of the directory; who reads takes no lock.

A cursor is `SEGMENT:OFFSET`, the place right behind an event. A line that a crash has torn is closed by the next
event, and readers pass it over.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, NotFound, UsageError
from ..host import files, kernel, locks, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

    from .store import Store

SEGMENT_BYTES = 4 << 20
"""A segment that is longer gets no further event."""
KEPT = 8
"""So many segments are kept."""

_CHUNK = 1 << 20
_HEX = frozenset("0123456789abcdef")
_TIME = slice(len('{"time":"'), len('{"time":"2026-01-01T00:00:00.000000000Z'))


class Journal:
    """The journal of the store."""

    __slots__ = ("path", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.root, "events")

    def add(
        self, ctx_time: float, type: str, action: str, object: Document, *, durable: bool = False, **detail: str
    ) -> None:
        """Appends an event: at `ctx_time` (seconds since the epoch), `action` was done to `object`, which is of `type`.

        After it returns, every reader sees the event; with `durable`, also after a power cut. Raises OSError, and then
        there is no such event.
        """
        event: Document = {
            "time": times.stamp(times.of_seconds(ctx_time)),
            "type": type,
            "action": action,
            "object": object,
        }
        if detail:
            event["detail"] = detail
        line = jsondoc.dumps(event) + b"\n"
        with locks.locked(self.store.directory("events")):
            fd, size = self._open_last()
            try:
                if size and os.pread(fd, 1, size - 1) != b"\n":
                    line = b"\n" + line
                try:
                    files.write_all(fd, line)
                except OSError:
                    os.ftruncate(fd, size)  # the line's end is what came last: nobody has read it
                    raise
                if durable:
                    os.fsync(fd)
            finally:
                os.close(fd)

    def _open_last(self) -> tuple[int, int]:
        """The segment to append to, and its size. Under the directory's lock."""
        names = self.segments()
        boot = kernel.boot()
        if names and names[-1].endswith(boot):
            fd, size = self._open_to_append(names[-1])
            if size < SEGMENT_BYTES:
                return fd, size
            os.close(fd)
        name = f"{_number(names[-1]) + 1 if names else 1:08d}-{boot}"
        for old in names[: max(0, len(names) - KEPT + 1)]:
            files.remove_file(os.path.join(self.path, old))
        return self._open_to_append(name)

    def _open_to_append(self, name: str) -> tuple[int, int]:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        fd = os.open(os.path.join(self.path, name), flags, 0o600)
        size = os.fstat(fd).st_size
        if not size:  # just made; or by one who was killed before the name was sure to stay
            files.sync_directory(self.path)
            files.sync_directory(self.store.root)
        return fd, size

    def segments(self) -> list[str]:
        """The names of the segments, oldest first."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return sorted(filter(is_segment, names), key=_number)

    def end(self) -> str:
        """The cursor behind all that there is now; '' for an empty journal."""
        if not os.path.isdir(self.path):
            return ""
        with locks.locked(self.path, shared=True):  # what there is of a last line stays so
            names = self.segments()
            return f"{names[-1]}:{os.stat(os.path.join(self.path, names[-1])).st_size}" if names else ""

    def read(self, cursor: str = "", *, since: str = "") -> Iterator[Document]:
        """The events behind `cursor` (''; all), in the order in which they were added, each with its own cursor.

        With `since` (RFC 3339 as events have it) what is older is passed over. Raises UsageError for what is no cursor,
        NotFound when events behind the cursor are not kept any more, or, once it has begun, were removed unread.
        """
        reader = _Reader(self, cursor, since)
        try:
            yield from reader.events()
        finally:
            reader.close()

    def follow(self, cursor: str = "", until: float | None = None, *, since: str = "") -> Iterator[Document]:
        """The same, and then those to come, each as soon as it is there; until `until`, a time of time.monotonic().

        Raises NotFound also when the journal is taken away.
        """
        from time import monotonic

        from ..host.watch import Watch

        reader = _Reader(self, cursor, since)
        try:
            with Watch(self.store.directory("events")) as watch:
                while True:
                    yield from reader.events()
                    left = None if until is None else until - monotonic()
                    if left is not None and left <= 0:
                        return
                    watch.wait(left)
        finally:
            reader.close()

    def last(self, type: str, action: str, text: str) -> Document | None:
        """The newest such event about the object whose name or id this is, or whose id begins so.

        A name may have been had by several objects: the last one counts. Raises Conflict for a beginning of several
        objects' ids.
        """
        return self._last_named(type, action, text) or self._last_with_id(type, action, text)

    def _last_named(self, type: str, action: str, name: str) -> Document | None:
        mark = b'"org.ocipipe.name":' + jsondoc.dumps(name)
        for segment in reversed(self.segments()):
            for event in self._backwards(segment, mark):
                target: Document = event["object"]  # type: ignore[assignment]
                annotations = target.get("annotations")
                named = isinstance(annotations, dict) and annotations.get("org.ocipipe.name") == name
                if event["type"] == type and event["action"] == action and named:
                    return event
        return None

    def _last_with_id(self, type: str, action: str, id: str) -> Document | None:
        found: Document | None = None
        mark = b'"id":' + jsondoc.dumps(id)[:-1]
        for name in reversed(self.segments()):
            for event in self._backwards(name, mark):
                target: Document = event["object"]  # type: ignore[assignment]
                whole = str(target.get("id"))
                if event["type"] != type or event["action"] != action or not whole.startswith(id):
                    continue
                if whole == id:
                    return event
                if found is None:
                    found = event
                elif found["object"]["id"] != whole:  # type: ignore[index]
                    raise Conflict(id, "stands for more than one object that is gone", "give more digits")
        return found

    def _backwards(self, name: str, mark: bytes) -> Iterator[Document]:
        """The events of a segment whose line holds `mark`, the newest first."""
        try:
            data = b"".join(files.read_chunks(os.path.join(self.path, name)))
        except FileNotFoundError:
            return
        end = data.rfind(b"\n") + 1
        while (at := data.rfind(mark, 0, end)) >= 0:
            begin, after = data.rfind(b"\n", 0, at) + 1, data.index(b"\n", at) + 1
            event = _parsed(data[begin : after - 1])
            if event is not None:
                yield {**event, "cursor": f"{name}:{after}"}
            end = begin


class _Reader:
    """Where one reader of the journal stands: in a segment, or, with number 0, before the first there will ever be."""

    def __init__(self, journal: Journal, cursor: str, since: str) -> None:
        self._journal = journal
        self._cursor = cursor
        self._since = since.encode()
        self._fd = -1
        self._begun = False
        self._number = 0
        self._name, self._offset = _place(cursor) if cursor else ("", 0)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def events(self) -> Iterator[Document]:
        """What has been added since it stood here."""
        if not self._begun:
            self._begin()
        while True:
            yield from self._rest()
            names = self._journal.segments()
            following = next((name for name in names if _number(name) > self._number), None)
            if self._fd >= 0 and not names:
                raise self._gap()  # somebody has removed the journal, or the whole store
            if following is None:
                return
            yield from self._rest()  # what was added before the next segment began
            if _number(following) != self._number + 1 or not self._enter(following):
                raise self._gap()

    def _begin(self) -> None:
        self._begun = True
        if not self._name:
            while (names := self._journal.segments()) and not self._enter(names[0]):
                pass  # that one has just been removed
        elif not self._enter(self._name, self._offset):
            raise self._gap()
        elif self._offset > os.fstat(self._fd).st_size and self._name.endswith(kernel.boot()):
            raise self._gap()  # no power cut took it: the store is an older one, put back

    def _enter(self, name: str, offset: int = 0) -> bool:
        """Goes on in this segment; False when it is not there any more."""
        try:
            fd = os.open(os.path.join(self._journal.path, name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self.close()
        self._fd, self._name, self._offset, self._number = fd, name, offset, _number(name)
        return True

    def _gap(self) -> NotFound:
        return NotFound(
            self._cursor or "the journal",
            "events behind this place are gone: only the newest are kept",
            "without the cursor, and with --since 0, those that are kept can be read",
        )

    def _rest(self) -> Iterator[Document]:
        """The events of this segment that nobody has had yet. A last line without its end is none, for now."""
        tail = b""
        while self._fd >= 0 and (chunk := os.pread(self._fd, _CHUNK, self._offset + len(tail))):
            *lines, tail = (tail + chunk).split(b"\n")
            for line in lines:
                self._offset += len(line) + 1
                event = _parsed(line) if line[_TIME] >= self._since else None
                if event is not None:
                    self._cursor = f"{self._name}:{self._offset}"
                    yield {**event, "cursor": self._cursor}


def is_segment(name: str) -> bool:
    """Whether a file in `events/` is one of the journal's."""
    number, _, boot = name.partition("-")
    return len(number) == 8 and number.isascii() and number.isdigit() and len(boot) == 8 and _HEX.issuperset(boot)


def _number(name: str) -> int:
    return int(name[:8])


def _place(cursor: str) -> tuple[str, int]:
    """Segment and offset of a cursor."""
    name, _, offset = cursor.partition(":")
    if not is_segment(name) or not (offset.isascii() and offset.isdigit()) or len(offset) > 18:
        raise UsageError(cursor, "is no cursor", "give one that an event came with")
    return name, int(offset)


def _parsed(line: bytes) -> Document | None:
    """The event in a line; None for what is none."""
    try:
        event = jsondoc.load_object(line)
    except FormatError:
        return None
    told = all(isinstance(event.get(name), str) for name in ("time", "type", "action"))
    return event if told and isinstance(event.get("object"), dict) else None
