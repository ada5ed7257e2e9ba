"""What an image's files are read from: a directory, a tar archive in a file, or one that came through a pipe.

All are Members, files under relative paths, and the layouts (`layout.py`, `docker_archive.py`, `dir_layout.py`) read
images from any of them.
"""

from __future__ import annotations

import os
import stat

from oci_spec import digest

from ..errors import Corrupt, NotFound
from ..host import files
from ..store.blobs import DOCUMENT_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.digest import Digest

    from .contract import Member, Members


def read(members: Members, path: str, limit: int = DOCUMENT_LIMIT) -> bytes:
    """A whole small file. Raises NotFound, Corrupt for one of more than `limit` bytes."""
    member = members.find(path)
    if member is None:
        raise NotFound(members.name, f"has no {path}", "it is not whole, or no image")
    if member.size > limit:
        raise Corrupt(f"{members.name}: {path}", f"is {member.size} bytes long; at most {limit} are read")
    return b"".join(member.open())


def digest_of(member: Member) -> Digest:
    """The digest (sha256) of a member's content, which is read for it unless it is known."""
    if member.digest is not None:
        return member.digest
    state = digest.hasher()
    for chunk in member.open():
        state.update(chunk)
    return digest.Digest(f"sha256:{state.hexdigest()}")


class Directory:
    """The files of a directory."""

    def __init__(self, path: str) -> None:
        """Raises NotFound."""
        if not os.path.isdir(path):
            raise NotFound(path, "no such directory")
        self.name = path

    def find(self, path: str) -> Member | None:
        """See Members."""
        place = os.path.join(self.name, path)
        try:
            found = os.stat(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(found.st_mode):
            raise Corrupt(place, "is no regular file")
        return _File(place, found.st_size)


class _File:
    __slots__ = ("_path", "digest", "size")

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self.size = size
        self.digest: Digest | None = None

    def open(self, offset: int = 0) -> Iterator[bytes]:
        return files.read_chunks(self._path, offset)
