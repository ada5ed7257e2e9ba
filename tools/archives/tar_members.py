"""A tar archive's files, by their paths: hostile archives are refused here, whatever they were made to do.

An image's archive holds regular files, directories, and (docker writes them for layers that two images share) links
from one member to another. Anything else, a path or link that leaves the archive, two files of one name that are not
the same, and an archive without its end are refused, always with the archive's and the member's name.
"""

from __future__ import annotations

import os

from oci_spec.tarfields import Damaged
from oci_spec.tarstream import Reader

from ..errors import Corrupt
from .members import digest_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.digest import Digest
    from oci_spec.tarstream import Entry

    from .contract import Member

COUNT_LIMIT = 100_000
"""Members that an archive may have: more would be no image but an attack on our memory."""
_LINK_LIMIT = 8
_PIECE = 1 << 20
_SCAN_PIECE = 1 << 14
_FILE, _HARD_LINK, _SYMLINK, _DIRECTORY = b"0125"


class Table:
    """Members by their paths; the links among them are followed by `find`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._files: dict[str, Member] = {}
        self._links: dict[str, str] = {}

    def find(self, path: str) -> Member | None:
        """See contract.Members."""
        for _ in range(_LINK_LIMIT):
            if path not in self._links:
                return self._files.get(path)
            path = self._links[path]
        raise self.refusal(path, "is a link through too many links")

    def add(self, path: str, member: Member) -> None:
        """Raises Corrupt when the path is taken by other content."""
        before = self._files.setdefault(path, member)
        if path in self._links or (before is not member and not _same(before, member)):
            raise self.refusal(path, "stands in the archive twice, with different content")

    def link(self, path: str, target: str) -> None:
        """Makes `path` another name for `target`. Raises Corrupt when the path is taken."""
        if path in self._files or self._links.setdefault(path, target) != target:
            raise self.refusal(path, "stands in the archive twice, with different content")

    def refusal(self, path: str, problem: str) -> Corrupt:
        """The error about a member."""
        shown = path.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "backslashreplace")
        shown = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in shown)
        return corrupt(f"{self.name}: {shown}" if shown else self.name, problem)

    def walk(self, reader: Reader) -> Iterator[tuple[str, Entry]]:
        """The regular files of an archive, one after another; links are noted on the way. Raises Corrupt."""
        path = ""
        count = 0
        try:
            for entry in reader:
                count += 1
                if count > COUNT_LIMIT:
                    raise Damaged(f"holds more than {COUNT_LIMIT} members")
                path = entry.name.decode("utf-8", "surrogateescape")  # as it is, for a refusal
                path = _clean(path)
                if not path and entry.kind != _DIRECTORY:
                    raise Damaged("holds a file without a name")
                if entry.kind == _FILE:
                    if entry.sparse is not None:
                        raise Damaged("is a sparse file, which no image's archive has")
                    yield path, entry
                elif entry.kind in (_HARD_LINK, _SYMLINK):
                    target = entry.link.decode("utf-8", "surrogateescape")
                    self.link(path, _target(path if entry.kind == _SYMLINK else "", target))
                elif entry.kind != _DIRECTORY:
                    raise Damaged(f"is of type {chr(entry.kind)!r}, which no image's archive has")
                path = ""
        except Damaged as error:
            raise self.refusal(path, str(error)) from None
        if not reader.complete:
            raise corrupt(self.name, "is cut off: it has no end marker" if count else "is empty or cut off")

    def content(self, path: str, reader: Reader) -> Iterator[bytes]:
        """What is left of the content of the file that `walk` stands at. Raises Corrupt."""
        try:
            for piece in reader.data():
                yield bytes(piece)
        except Damaged as error:
            raise self.refusal(path, str(error)) from None


class TarFile(Table):
    """A plain tar archive in a file that can be sought in: only what is asked for is read.

    It begins where the descriptor `fd` stands, which stays open and the caller's. Raises Corrupt, OSError.
    """

    def __init__(self, fd: int, name: str) -> None:
        super().__init__(name)
        start = position = os.lseek(fd, 0, os.SEEK_CUR)
        size = os.fstat(fd).st_size

        def chunks() -> Iterator[bytes]:
            nonlocal position
            while chunk := os.pread(fd, _SCAN_PIECE, position):
                position += len(chunk)
                yield chunk

        def skip(count: int) -> None:
            nonlocal position
            position += count
            if position > size:
                raise Damaged("the archive is truncated in the middle of a file")

        reader = Reader(chunks(), skip)
        for path, entry in self.walk(reader):
            self.add(path, _Span(fd, start + reader.offset, entry.size, name))


class _Span:
    """A part of a file."""

    __slots__ = ("_fd", "_name", "_start", "digest", "size")

    def __init__(self, fd: int, start: int, size: int, name: str) -> None:
        self._fd = fd
        self._start = start
        self._name = name
        self.size = size
        self.digest: Digest | None = None

    def open(self, offset: int = 0) -> Iterator[bytes]:
        position, end = self._start + offset, self._start + self.size
        while position < end:
            chunk = os.pread(self._fd, min(_PIECE, end - position), position)
            if not chunk:
                raise Corrupt(self._name, "became shorter while it was read")
            position += len(chunk)
            yield chunk


def corrupt(subject: str, problem: str) -> Corrupt:
    """The error for an archive that is broken or hostile."""
    return Corrupt(subject, problem, "the archive is damaged, hostile or none: make it again")


def _same(one: Member, other: Member) -> bool:
    return one.size == other.size and digest_of(one) == digest_of(other)


def _clean(path: str) -> str:
    """A relative path without `.` and empty parts. Raises Damaged for one that leaves the archive, or is none."""
    if path.startswith("/"):
        raise Damaged("is an absolute path")
    if "\0" in path:
        raise Damaged("is a path with a zero byte")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Damaged("is a path that leads out of the archive")
    return "/".join(parts)


def _target(path: str, link: str) -> str:
    """Where a link leads, from the directory of `path`. Raises Damaged when that is outside of the archive."""
    parts = path.split("/")[:-1]
    if link.startswith("/"):
        raise Damaged("is a link to an absolute path")
    for part in link.split("/"):
        if part == "..":
            if not parts:
                raise Damaged("is a link that leads out of the archive")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
