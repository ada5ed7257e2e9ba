"""Members of an archive into a tree that is in use, as tar and cp put them there, and not as a layer.

Nothing is a whiteout. What is there is replaced, but a directory only by a directory, whose attributes it then gets and
whose content stays; a file that something is mounted on is written in place. Processes may be changing the tree: each
step is confined (see confine.py), so their links lead nowhere but to other places in it.
"""

from __future__ import annotations

import errno
import os
import stat

from oci_spec.tarfields import Damaged

from ..errors import Conflict, Corrupt, Denied, OcipipeError, Unavailable, Unsupported
from ..host import beneath
from . import attributes
from .apply import Applier
from .members import TOO_LONG
from .paths import clean, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.tarstream import Entry

    from .apply import Archive
    from .confine import Directory, Tree
    from .members import Owners

_FILE, _DIRECTORY = b"05"
_CAPABILITY = b"security.capability"


class Extractor(Applier):
    """Members from `archive` below the directory `base` of `tree`, a canonical path.

    `owner` is what everything belongs to, None for what the archive says; `owners` gives what to write for either. Of
    extended attributes only capabilities are kept, unless `xattrs`. `subject` names the tree in messages.
    """

    def __init__(
        self, tree: Tree, archive: Archive, subject: str, base: bytes, *, owner: tuple[int, int] | None, xattrs: bool,
        owners: Owners | None = None,
    ) -> None:  # fmt: skip
        super().__init__(tree, archive, subject)
        self._base = base
        self._owner = owner
        self._owners = owners
        self._xattrs = xattrs
        self._described: dict[bytes, int] = {}

    def extract(self) -> None:
        """Raises Conflict for what is in the way, Corrupt for a broken archive or a path that leads out, Denied where
        nothing may be written, Unsupported, Unavailable. What was extracted before stays."""
        where = self._subject
        try:
            for entry in self._reader:
                where = f"{self._subject}: {shown(entry.name)}"
                self._apply(entry)
                where = self._subject
            if not self._reader.complete:
                raise Damaged("the archive has no end marker: it is empty or cut off")
            for path in sorted(self._described):
                directory = self._tree.find(path)
                if directory is not None:
                    os.utime(directory.fd, ns=(self._described[path], self._described[path]))
        except Damaged as error:
            raise Corrupt(where, str(error), "make the archive again") from None
        except Unsupported as error:
            raise Unsupported(where, error.problem, "leave out --archive") from None
        except OSError as error:
            raise failed(where, error) from None

    def _apply(self, entry: Entry) -> None:
        parts = clean(entry.name)
        if not parts:
            return  # the base itself, which is there already and stays as it is
        if entry.kind not in self._makers:
            raise Damaged(f"its type {chr(entry.kind)!r} is not known")
        attributes.check_owner(entry)
        if self._owner is not None:
            entry.uid, entry.gid = self._owner
        if not self._xattrs and entry.xattrs:
            entry.xattrs = {name: value for name, value in entry.xattrs.items() if name == _CAPABILITY}
        if self._owners is not None:
            entry.uid, entry.gid = self._owners(entry.uid, entry.gid)
            if entry.xattrs:
                attributes.own_capability(entry.xattrs, self._owners)
        self._put(entry, self._parent(self._at(parts[:-1])), parts[-1])

    def _at(self, parts: list[bytes]) -> bytes:
        return b"/".join([self._base, *parts] if self._base else parts)

    def _parent(self, path: bytes) -> Directory:
        """The directory that a path leads to; what is missing on the way is made, what is no directory stays."""
        found = self._tree.find(path)
        if found is not None:
            return found
        above, _, name = path.rpartition(b"/")
        try:
            return self._tree.make_child(self._parent(above), name)
        except FileExistsError:
            raise Conflict(f"{self._subject}: {shown(path)}", "is no directory") from None

    def _put(self, entry: Entry, parent: Directory, name: bytes) -> None:
        """Makes the member, unless what is there may not be replaced. A mount point must not be: removed by us, who
        are not in the namespace of that mount, it would take the mount along."""
        place = f"{self._subject}: {shown(parent.join(name))}"
        try:
            pin = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent.fd)
        except FileNotFoundError:
            self._makers[entry.kind](entry, parent, name)
            return
        try:
            found = os.fstat(pin).st_mode
            if stat.S_ISDIR(found) != (entry.kind == _DIRECTORY):
                problem = "is a directory: a file cannot" if stat.S_ISDIR(found) else "is no directory, and one cannot"
                raise Conflict(place, f"{problem} take its place")
            if entry.kind == _DIRECTORY or beneath.mount_of(pin) == beneath.mount_of(parent.fd):
                self._makers[entry.kind](entry, parent, name)
            elif entry.kind == _FILE and stat.S_ISREG(found):
                self._write_in_place(entry, pin)
            else:
                raise Conflict(place, "is mounted there: only a file can be copied onto a file")
        finally:
            os.close(pin)

    def _write_in_place(self, entry: Entry, pin: int) -> None:
        """New content for a file that is a mount point; it keeps its owner and mode."""
        fd = beneath.reopened(pin, os.O_WRONLY | os.O_TRUNC)
        try:
            self._write(fd, entry)
        finally:
            os.close(fd)

    def _hard_link(self, entry: Entry, parent: Directory, name: bytes) -> None:
        target = clean(entry.link)
        path = parent.path
        if self._tree.find(self._at(target[:-1])) is None:
            raise Damaged(f"it links to {shown(entry.link)}, which does not exist")
        entry.link = self._at(target)
        super()._hard_link(entry, self._parent(path), name)

    def _describe(self, entry: Entry, directory: Directory, existed: bool) -> None:
        super()._describe(entry, directory, existed)
        self._described[directory.path] = attributes.clamp(entry.mtime)


def failed(subject: str, error: OSError) -> OcipipeError:
    """The user's error for what the kernel refused while something was copied."""
    why = os.strerror(error.errno).lower() if error.errno else str(error)
    if error.errno == errno.ENAMETOOLONG:
        return Unsupported(subject, *TOO_LONG)
    if error.errno == errno.EROFS:
        return Denied(subject, "is read-only")
    if error.errno in (errno.EPERM, errno.EACCES):
        return Denied(subject, why, "run as root")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(subject, why, "make room there")
    return Unavailable(subject, why)
