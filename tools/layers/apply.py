"""Applies a layer's archive to a directory (image-spec 1.1.1, layer.md, Applying Changesets).

Three forms. `overlay`: the directory starts empty and becomes an overlayfs lower directory over the layers beneath it,
with overlayfs's own whiteouts. `plain`: the directory holds the layers beneath already and is changed in place.
Both show the same tree in the end, whatever the order of the entries. `exact`: the archive is no layer's (see tree.py);
it is applied like a plain one, and nothing in it is a whiteout or a mark.

Owners are numeric; modes keep setuid, setgid and sticky; extended attributes, device nodes, sparse files, nanosecond
times and names that are no text are kept. Nothing is made outside the directory (see confine.py). Nothing is synced:
whoever gives the directory its name does that once for all of it.
"""

from __future__ import annotations

import errno
import os
import stat

from oci_spec.tarfields import Damaged
from oci_spec.tarstream import Reader

from ..errors import Denied
from ..host import beneath
from . import attributes, whiteouts
from .confine import Tree
from .copyup import copy_up
from .paths import clean, shown
from .refusal import NEEDS_ROOT, corrupt, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    from oci_spec.tarstream import Entry

    from .confine import Directory
    from .lowers import Lowers

    class Archive(Protocol):
        """Members as oci_spec.tarstream.Reader gives them."""

        complete: bool

        def __iter__(self) -> Iterator[Entry]: ...

        def data(self) -> Iterator[bytes] | Iterator[memoryview]: ...

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HOSTILE = frozenset(
    (errno.ENAMETOOLONG, errno.EINVAL, errno.EFBIG, errno.ENOENT, errno.ERANGE, errno.E2BIG, errno.EMLINK)
)
"""What the kernel answers to names and sizes that no sane archive holds."""
_KINDS = {ord("3"): stat.S_IFCHR, ord("4"): stat.S_IFBLK, ord("6"): stat.S_IFIFO}


def apply_layer(
    tar_chunks: Iterable[bytes],
    directory: str,
    lowers: Lowers = (),
    *,
    form: str = "overlay",
    whole: bool = False,
    subject: str = "layer",
) -> None:
    """Applies the uncompressed archive in `tar_chunks` to `directory`; reads the stream to its very end.

    `lowers` are the unpacked layers beneath, topmost first, or a function that gives them: it is called only when the
    archive needs them (a parent that it does not name, a whiteout, a hard link to below) and may wait until they are
    there. In the other forms there are none. With `whole`, an archive without its end marker is refused: where nothing
    else tells, it may have been cut off. `subject` names the layer in messages.

    Raises Corrupt for an archive that is broken or tries to leave the directory, Denied without root, Unavailable for
    a full disk, Unsupported for a file system that cannot hold the content, and what iterating `tar_chunks` raises.
    The directory is then half filled and to be thrown away.
    """
    if os.geteuid() != 0:
        raise Denied(subject, "cannot be unpacked by this user", NEEDS_ROOT)
    tree = Tree(directory, lowers if form == "overlay" else None, subject)
    try:
        Applier(tree, Reader(tar_chunks), subject, form == "exact").run(whole)
    finally:
        tree.close()


class Applier:
    """One archive on its way into one tree."""

    def __init__(self, tree: Tree, reader: Archive, subject: str, exact: bool = False) -> None:
        self._tree = tree
        self._exact = exact
        self._reader = reader
        self._subject = subject
        self._root_seen = False
        self._masked = attributes.umask() | 0o7000
        """Bits of a mode that a file lacks when it is made with it: our umask's, and setuid and its kin."""
        self._makers: dict[int, Callable[[Entry, Directory, bytes], None]] = {
            ord("0"): self._file,
            ord("1"): self._hard_link,
            ord("2"): self._symlink,
            ord("3"): self._node,
            ord("4"): self._node,
            ord("5"): self._directory,
            ord("6"): self._node,
        }

    def run(self, whole: bool) -> None:
        entry: Entry | None = None  # the one that a failure is about; none between two
        try:
            for current in self._reader:
                entry = current
                self._apply(entry)
                entry = None
            if whole and not self._reader.complete:
                raise Damaged("the archive has no end marker: it is empty or cut off")
            if not self._root_seen:
                self._tree.copy_root_attributes()
            self._tree.finish()
        except Damaged as error:
            raise corrupt(self._where(entry), str(error)) from None
        except OSError as error:
            if error.errno in _HOSTILE:
                raise corrupt(self._where(entry), os.strerror(error.errno or 0).lower()) from None
            raise refused(self._where(entry), error) from error

    def _where(self, entry: Entry | None) -> str:
        if entry is None:
            return self._subject
        return f"{self._subject}: entry {shown(entry.name)}"

    def _apply(self, entry: Entry) -> None:
        parts = clean(entry.name)
        attributes.check_owner(entry)
        if not parts:
            if entry.kind != ord("5"):
                raise Damaged("it has no name")
            self._root_seen = True
            self._describe(entry, self._tree.root, True)
            return
        name = parts[-1]
        if not self._exact and (b"/.wh." in entry.name or entry.name.startswith(b".wh.")):
            if any(map(whiteouts.is_special, parts)):
                return
            if any(part.startswith(whiteouts.PREFIX) for part in parts[:-1]):
                raise Damaged("its path leads through a whiteout")
            if name.startswith(whiteouts.PREFIX):
                self._hide(b"/".join(parts[:-1]), name)
                return
        parent = self._tree.directory(b"/".join(parts[:-1]))
        make = self._makers.get(entry.kind)
        if make is None:
            raise Damaged(f"its type {chr(entry.kind)!r} is not known")
        path = parent.join(name)
        make(entry, parent, name)
        self._tree.note(path)

    def _hide(self, path: bytes, name: bytes) -> None:
        """A whiteout called `name` in the directory `path`; it makes nothing where there is nothing to hide."""
        hidden = b"" if name == whiteouts.OPAQUE else whiteouts.hidden(name)
        parent = self._tree.find(path)
        if parent is None:
            return
        if hidden:
            self._tree.hide(parent, hidden)
        else:
            self._tree.make_opaque(parent)

    def _file(self, entry: Entry, parent: Directory, name: bytes) -> None:
        try:
            fd = os.open(name, _CREATE, entry.mode & 0o777, dir_fd=parent.fd)
        except FileExistsError:
            self._tree.remove(parent, name)
            fd = os.open(name, _CREATE, entry.mode & 0o777, dir_fd=parent.fd)
        try:
            self._write(fd, entry)
            if parent.inherits:
                attributes.drop_inherited(fd)
            if entry.uid or entry.gid or parent.inherits:
                os.fchown(fd, entry.uid, entry.gid)  # before the mode: it clears setuid, and capabilities
            if entry.mode & self._masked or parent.inherits:
                os.fchmod(fd, entry.mode)
            if entry.xattrs:
                self._set_xattrs(fd, entry)
            time = attributes.clamp(entry.mtime)
            os.utime(fd, ns=(time, time))
        finally:
            os.close(fd)

    def _write(self, fd: int, entry: Entry) -> None:
        """The content of the current member, to a file that is empty."""
        if entry.sparse is not None:
            self._write_sparse(fd, entry)
            return
        for piece in self._reader.data():
            written = os.write(fd, piece)
            while written < len(piece):
                written += os.write(fd, piece[written:])

    def _write_sparse(self, fd: int, entry: Entry) -> None:
        os.ftruncate(fd, entry.size)
        spans = iter(entry.sparse or ())
        offset = left = 0
        for piece in self._reader.data():
            done = 0
            while done < len(piece):
                while not left:
                    offset, left = next(spans)
                written = os.pwrite(fd, piece[done : done + left], offset)
                done += written
                offset += written
                left -= written

    def _directory(self, entry: Entry, parent: Directory, name: bytes) -> None:
        existed = False
        try:
            directory = self._tree.make_child(parent, name)
        except FileExistsError:
            try:
                directory = self._tree.open_child(parent, name)
                existed = True
            except NotADirectoryError:
                directory = self._tree.replace_by_directory(parent, name)
        self._describe(entry, directory, existed)

    def _describe(self, entry: Entry, directory: Directory, existed: bool) -> None:
        """The entry's attributes for a directory, in place of those that it has; its time is set at the very end."""
        if existed:
            attributes.clear_xattrs(directory.fd)
        if existed or entry.uid or entry.gid:
            os.fchown(directory.fd, entry.uid, entry.gid)
        os.fchmod(directory.fd, entry.mode)
        if entry.xattrs:
            self._set_xattrs(directory.fd, entry)
        if entry.xattrs or entry.mode & stat.S_ISGID or directory.inherits:
            directory.inherits = attributes.inherits(directory.fd, os.fstat(directory.fd))
        self._tree.mtimes[directory.path] = attributes.clamp(entry.mtime)

    def _set_xattrs(self, target: int | bytes, entry: Entry) -> None:
        attributes.set_xattrs(target, entry.xattrs or {}, self._where(entry), exact=self._exact)

    def _hard_link(self, entry: Entry, parent: Directory, name: bytes) -> None:
        target = clean(entry.link)
        if not target:
            raise Damaged("it links to no file")
        path = parent.path
        here = os.dup(parent.fd)  # finding the other directory may close this one
        try:
            there = self._tree.directory(b"/".join(target[:-1]))
            self._bring_up(there, target[-1], entry.link)
            if there.path == path and target[-1] == name:
                return  # GNU tar writes this for a file that it was given twice
            source = os.dup(there.fd)
            try:
                self._link(source, target[-1], path, here, name)
            finally:
                os.close(source)
        finally:
            os.close(here)

    def _bring_up(self, parent: Directory, name: bytes, link: bytes) -> None:
        """Sees to it that a hard link's target is in this layer, copying it from below if need be."""
        try:
            found = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
        except FileNotFoundError:
            below = self._tree.below(parent, name)
            if below is None:
                raise Damaged(f"it links to {shown(link)}, which does not exist") from None
            found = below.stat
            if not below.is_directory:
                copy_up(below, parent, name, self._subject)
        if whiteouts.is_whiteout(found) and parent.join(name) not in self._tree.made:
            raise Damaged(f"it links to {shown(link)}, which does not exist")
        if stat.S_ISDIR(found.st_mode):
            raise Damaged(f"it links to {shown(link)}, which is a directory")

    def _link(self, source: int, target: bytes, path: bytes, here: int, name: bytes) -> None:
        try:
            os.link(target, name, src_dir_fd=source, dst_dir_fd=here, follow_symlinks=False)
        except FileExistsError:
            self._tree.remove(self._tree.directory(path), name)
            os.link(target, name, src_dir_fd=source, dst_dir_fd=here, follow_symlinks=False)

    def _symlink(self, entry: Entry, parent: Directory, name: bytes) -> None:
        if not entry.link or b"\0" in entry.link:
            raise Damaged("its target is empty or holds a zero byte")
        try:
            os.symlink(entry.link, name, dir_fd=parent.fd)
        except FileExistsError:
            self._tree.remove(parent, name)
            os.symlink(entry.link, name, dir_fd=parent.fd)
        if entry.uid or entry.gid or parent.inherits:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent.fd, follow_symlinks=False)
        self._finish_by_name(entry, parent, name)

    def _node(self, entry: Entry, parent: Directory, name: bytes) -> None:
        kind = _KINDS[entry.kind]
        device = 0
        if kind != stat.S_IFIFO:
            if not (0 <= entry.major < 1 << 12 and 0 <= entry.minor < 1 << 20):
                raise Damaged("its device number is out of range")
            device = os.makedev(entry.major, entry.minor)
        try:
            os.mknod(name, kind | 0o600, device, dir_fd=parent.fd)
        except FileExistsError:
            self._tree.remove(parent, name)
            os.mknod(name, kind | 0o600, device, dir_fd=parent.fd)
        if parent.inherits:
            attributes.drop_inherited(attributes.at(parent.fd, name))
        with beneath.pinned(name, parent.fd) as pin:  # chmod follows links: nobody must have put one in its place
            if stat.S_IFMT(os.fstat(pin).st_mode) == kind:
                os.chown(beneath.place(pin), entry.uid, entry.gid)
                os.chmod(beneath.place(pin), entry.mode)
        self._finish_by_name(entry, parent, name)

    def _finish_by_name(self, entry: Entry, parent: Directory, name: bytes) -> None:
        if entry.xattrs:
            self._set_xattrs(attributes.at(parent.fd, name), entry)
        time = attributes.clamp(entry.mtime)
        os.utime(name, ns=(time, time), dir_fd=parent.fd, follow_symlinks=False)
