"""What a COPY or ADD puts into an image, as members of an archive that is never written, and their listing.

The listing is a line a member: its path, and tab by tab what keys.FIELDS names; no times. What is copied is listed once
more while it is, so that a record never stands under the key of other files than those in its layer.
"""

from __future__ import annotations

import os

from oci_spec import digest, tarstream
from oci_spec.tarfields import Damaged

from ..errors import Conflict, Corrupt
from ..layers.members import Members, content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from hashlib import _Hash as Hash
    from typing import Protocol

    from oci_spec.tarstream import Entry

    from .modes import Mode

    Items = Iterable[tuple[bytes, int, os.stat_result]]

    class Group(Protocol):
        """Some of what is copied: members by their whole paths in the image."""

        def entries(self, members: Members, *, unpack: bool) -> Iterator[tuple[Entry, Content, bool]]:
            """Member, what it holds, and whether it is the directory whose content only is copied."""

    Content = Callable[[], Iterable[bytes | memoryview]]

_FILE, _LINK, _SYMLINK, _DIRECTORY = b"0125"
_SMALL = 1 << 16


class Stream:
    """The members of some groups, in the form that layers.apply takes (Archive), their attributes as they will be.

    With `unpack`, what an archive holds takes its place. `owner`: of everything, or None for their own; `latest`: no
    member is younger, in nanoseconds. `listing` grows with what is read.
    """

    def __init__(
        self, groups: Iterable[Group], *, unpack: bool, owner: tuple[int, int] | None, mode: Mode | None,
        latest: int | None = None,
    ) -> None:  # fmt: skip
        self.complete = True
        self.is_top = False
        self._groups = groups
        self._unpack = unpack
        self._owner = owner
        self._mode = mode
        self._latest = latest
        self._lines: list[bytes] = []
        self._content: Content = tuple
        self._hash = _Hash()

    @property
    def listing(self) -> bytes:
        """Of all that was read to its end."""
        return b"".join(self._lines)

    def __iter__(self) -> Iterator[Entry]:
        members = Members(sparse=True)
        for group in self._groups:
            for entry, held, is_top in group.entries(members, unpack=self._unpack):
                if self._owner is not None:
                    entry.uid, entry.gid = self._owner
                if self._mode is not None and entry.kind != _SYMLINK:
                    entry.mode = self._mode.of(entry.mode, entry.kind == _DIRECTORY)
                if self._latest is not None and entry.mtime > self._latest:
                    entry.mtime = self._latest
                self.is_top, self._content = is_top, held
                self._hash = _Hash()
                yield entry
                self._lines.append(_line(entry, self._hash.hex if entry.kind == _FILE else ""))

    def data(self) -> Iterator[bytes]:
        """What the current member holds."""
        for chunk in self._content():
            self._hash.update(chunk)
            yield chunk  # type: ignore[misc]  # or a view of some, which does as well

    def read(self) -> bytes:
        """Reads everything to its end; the listing."""
        for entry in self:
            if entry.kind == _FILE:
                for _ in self.data():
                    pass
        return self.listing


class _Hash:
    """The digest of a file as it is read. What is small is hashed at once: see digest.of_small."""

    __slots__ = ("_parts", "_size", "_state")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._state: Hash | None = None

    def update(self, chunk: bytes | memoryview) -> None:
        self._size += len(chunk)
        if self._state is None and self._size <= _SMALL:
            self._parts.append(bytes(chunk))
            return
        if self._state is None:
            self._state = digest.hasher()
            self._state.update(b"".join(self._parts))
        self._state.update(chunk)

    @property
    def hex(self) -> str:
        return digest.of_small(b"".join(self._parts)) if self._state is None else self._state.hexdigest()


def _line(entry: Entry, held: str) -> bytes:
    attributes = ""
    if entry.xattrs:
        pairs = sorted(entry.xattrs.items())
        packed = b"".join(b"%d:%s=%d:%s" % (len(name), name, len(value), value) for name, value in pairs)
        attributes = digest.of_bytes(packed).hex
    holes = f"-{entry.sparse}" if entry.sparse is not None else ""
    return b"%b\t%c\t%04o\t%d:%d\t%b\t%b\t%b\t%b\n" % (
        quoted(entry.name.rstrip(b"/")), entry.kind, entry.mode, entry.uid, entry.gid, quoted(entry.link),
        b"%d:%d" % (entry.major, entry.minor) if entry.kind in b"34" else b"", attributes.encode(),
        f"{held}{holes}".encode(),
    )  # fmt: skip


def quoted(name: bytes) -> bytes:
    """A path in UTF-8 in which neither tabs nor line ends are left."""
    if not name.isascii():
        name = name.decode("utf-8", "backslashreplace").encode()
    return name.replace(b"\t", b"\\x09").replace(b"\n", b"\\x0a")


class FileGroup:
    """One file that was fetched: `fd` of it, `path` in the image."""

    def __init__(self, path: bytes, fd: int, mode: int, time: int) -> None:
        self._path = path
        self._fd = fd
        self._mode = mode
        self._time = time

    def entries(self, members: Members, *, unpack: bool) -> Iterator[tuple[Entry, Content, bool]]:
        entry = tarstream.Entry(self._path, _FILE, self._mode, 0, 0, os.fstat(self._fd).st_size, self._time)
        yield entry, lambda: content(self._fd, entry), False


class InlineGroup:
    """A file whose content stands in the Dockerfile: `path` in the image."""

    def __init__(self, path: bytes, data: bytes, time: int) -> None:
        self._path = path
        self._data = data
        self._time = time

    def entries(self, members: Members, *, unpack: bool) -> Iterator[tuple[Entry, Content, bool]]:
        entry = tarstream.Entry(self._path, _FILE, 0o644, 0, 0, len(self._data), self._time)
        yield entry, lambda: (self._data,), False


class TreeGroup:
    """Files of a tree: `items` gives their paths in the image with pins and what these are; the first may be the
    directory whose content only is copied (`is_top`). `time`, unless None, is what all of them get for theirs."""

    def __init__(self, items: Callable[[], Items], *, is_top: bool, own_owner: bool, time: int | None) -> None:
        self._items = items
        self._is_top = is_top
        self._own_owner = own_owner
        self._time = time

    def entries(self, members: Members, *, unpack: bool) -> Iterator[tuple[Entry, Content, bool]]:
        is_top = self._is_top
        for path, pin, found in self._items():
            entry = members.entry(path, pin, found)
            if entry is None:
                continue  # a socket is nothing without its process
            if not self._own_owner:
                entry.uid = entry.gid = 0
            if self._time is not None:
                entry.mtime = self._time
            yield entry, _held(pin, entry), is_top
            is_top = False


def _held(pin: int, entry: Entry) -> Content:
    return lambda: content(pin, entry)


class ArchiveGroup:
    """An archive that ADD unpacks below `path`. `name` for messages; `chunks` gives its own bytes, `unpacked` makes of
    these the bytes of the tar in it."""

    def __init__(
        self, path: bytes, name: str, chunks: Callable[[], Iterator[bytes]],
        unpacked: Callable[[Iterator[bytes]], Iterator[bytes]],
    ) -> None:  # fmt: skip
        self._path = path
        self._name = name
        self._chunks = chunks
        self._unpacked = unpacked
        self._digest = ""

    def _seen(self) -> Iterator[bytes]:
        """The archive's bytes. Raises Conflict where they are not those that were seen before."""
        state = digest.hasher()
        for chunk in self._chunks():
            state.update(chunk)
            yield chunk
        if self._digest not in ("", state.hexdigest()):
            raise Conflict(self._name, "was changed while it was copied", "build again")
        self._digest = state.hexdigest()

    def entries(self, members: Members, *, unpack: bool) -> Iterator[tuple[Entry, Content, bool]]:
        if not unpack:  # the archive stands for what is in it
            yield tarstream.Entry(self._path + b"/", _FILE, 0, 0, 0, 0, 0), self._seen, False
            return
        archive = tarstream.Reader(self._unpacked(self._seen()))
        try:
            for entry in archive:
                entry.name = self._path + b"/" + entry.name
                if entry.kind == _LINK:
                    entry.link = self._path + b"/" + entry.link
                yield entry, archive.data, False
        except Damaged as error:
            raise Corrupt(self._name, str(error), "make the archive again") from None
        if not archive.complete:
            raise Corrupt(self._name, "the archive has no end marker: it is cut off", "make it again")
