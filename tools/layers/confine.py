"""A layer's directory as a root that nothing in an archive can leave.

Each path is walked one part at a time with openat, never following a link: a link is read and resolved here, inside
the root, its `..` stopping at the root and its absolute target starting there. Links of lower layers count too: with
`lib -> usr/lib` in the base, an upper layer's `lib/x` becomes `usr/lib/x`, as it would when the layers are extracted
one over the other. (Extracting into a bare overlay directory, as some do, would make a real `lib` that hides all of
/usr/lib.) Entries themselves replace a link of their name; only parents are resolved.

Parents that an archive does not name are made 0755 root:root, unless a lower layer has the directory: overlayfs shows
the attributes of the topmost layer only, so they are copied from there.
"""

from __future__ import annotations

import os
import stat

from oci_spec.tarfields import Damaged

from . import attributes, lowers, whiteouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .lowers import Found, Lowers

DEPTH_LIMIT = 256
"""Directories in one another; whoever removes or copies a tree can count on it."""
_OPEN_LIMIT = 64
"""Directories kept open. Archives go depth first, so the ones in use are the ones opened last."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Directory:
    """An open directory beneath the root. Stays open until other directories have been opened: don't keep it."""

    __slots__ = ("fd", "inherits", "path")

    def __init__(self, fd: int, path: bytes, inherits: bool) -> None:
        self.fd = fd
        self.path = path
        self.inherits = inherits

    def join(self, name: bytes) -> bytes:
        """The canonical path of an entry of this directory."""
        return self.path + b"/" + name if self.path else name


class Tree:
    """The directory that a layer is unpacked into, and the layers beneath it.

    With `beneath` None it is plain: an existing tree that the layer changes in place. `made` holds the paths of this
    layer's entries and of the directories that lead to them: its whiteouts leave those alone, and nothing else (a plain
    tree's older content; whiteouts and copies of lower files and directories, made on the way). `opaque` holds the
    directories where only those are left; `mtimes` the directories' times, to be set when all is done.
    """

    def __init__(self, directory: str, beneath: Lowers | None, subject: str) -> None:
        self.subject = subject
        self.mtimes: dict[bytes, int] = {}
        self.plain = beneath is None
        self.made: set[bytes] = set()
        self.opaque: set[bytes] = set()
        self._beneath: Lowers = beneath if beneath is not None else ()
        self._bottoms: tuple[bytes, ...] | None = None
        self._open: dict[bytes, Directory] = {}
        fd = os.open(directory, _DIRECTORY)
        found = os.fstat(fd)
        self.root = Directory(fd, b"", attributes.inherits(fd, found))
        if self.plain:
            self.mtimes[b""] = found.st_mtime_ns

    def close(self) -> None:
        for directory in self._open.values():
            os.close(directory.fd)
        self._open.clear()
        os.close(self.root.fd)

    def directory(self, path: bytes) -> Directory:
        """The directory that `path`, relative to the root, leads to; what is missing is made. Raises Damaged."""
        found = self.find(path, make=True)
        assert found is not None
        return found

    def find(self, path: bytes, make: bool = False) -> Directory | None:
        """The same, but None where there is no directory and none shall be made."""
        known = self._open.get(path)
        if known is not None:
            return known
        current = self.root
        pending = path.split(b"/")[::-1]
        followed = 0
        while pending:
            name = pending.pop()
            if not name or name == b".":
                continue
            if name == b"..":
                current = self.directory(current.path.rpartition(b"/")[0])
                continue
            step = self._enter(current, name, make)
            if step is None:
                return None
            if isinstance(step, Directory):
                current = step
                continue
            followed += 1
            if followed > lowers.LINK_LIMIT:
                raise Damaged("its path leads through too many symbolic links")
            if step.startswith(b"/"):
                current = self.root
            pending += step.split(b"/")[::-1]
        return current

    def adopt(self, path: bytes, fd: int, inherits: bool) -> Directory:
        """Keeps a directory that was just opened; it is the tree's to close."""
        while len(self._open) >= _OPEN_LIMIT:
            self._forget(next(iter(self._open)))
        self._forget(path)
        opened = self._open[path] = Directory(fd, path, inherits)
        return opened

    def open_child(self, parent: Directory, name: bytes) -> Directory:
        """Opens an existing real directory. Raises FileNotFoundError, NotADirectoryError."""
        fd = os.open(name, _DIRECTORY, dir_fd=parent.fd)
        found = os.fstat(fd)
        path = parent.join(name)
        if self.plain:
            self.mtimes.setdefault(path, found.st_mtime_ns)
        return self.adopt(path, fd, attributes.inherits(fd, found))

    def make_child(self, parent: Directory, name: bytes) -> Directory:
        """A new empty directory 0755 root:root, whatever its parent passes on. Raises FileExistsError."""
        path = parent.join(name)
        if path.count(b"/") >= DEPTH_LIMIT:
            raise Damaged(f"its path is more than {DEPTH_LIMIT} directories deep")
        os.mkdir(name, 0o700, dir_fd=parent.fd)
        fd = os.open(name, _DIRECTORY, dir_fd=parent.fd)
        child = self.adopt(path, fd, False)
        if parent.inherits:
            attributes.drop_inherited(fd)
            os.fchown(fd, 0, 0)
        os.fchmod(fd, 0o755)
        return child

    def replace_by_directory(self, parent: Directory, name: bytes) -> Directory:
        """A new directory in place of what is there; of lower layers nothing shows through it."""
        self.remove(parent, name)
        hides = self.below(parent, name)
        child = self.make_child(parent, name)
        if hides is not None and hides.is_directory:
            self.make_opaque(child)
        return child

    def below(self, parent: Directory, name: bytes) -> Found | None:
        """What lower layers show at an entry of `parent`."""
        return lowers.look(self._visible(parent.path), name)

    def note(self, path: bytes) -> None:
        """Remembers that this layer has an entry at `path`."""
        while path and path not in self.made:
            self.made.add(path)
            path = path.rpartition(b"/")[0]

    def remove(self, parent: Directory, name: bytes) -> None:
        """Removes an entry and all beneath it, here and not in lower layers."""
        self._remove(parent.fd, name, parent.join(name))

    def hide(self, parent: Directory, name: bytes) -> None:
        """A whiteout: what lower layers have under this name goes, what this layer has stays."""
        path = parent.join(name)
        if path in self.made:
            try:
                self.make_opaque(self._open.get(path) or self.open_child(parent, name))
            except NotADirectoryError:
                pass  # this layer's own file is all that shows
            return
        try:
            self.remove(parent, name)
        except FileNotFoundError:
            pass  # a whiteout may hide what is not there
        if self.below(parent, name) is not None:  # overlayfs would list a whiteout that hides nothing
            whiteouts.make_whiteout(name, parent.fd)

    def make_opaque(self, directory: Directory) -> None:
        """An opaque whiteout: of lower layers nothing shows in this directory."""
        if directory.path in self.opaque:
            return
        self._prune(directory.fd, directory.path)
        if directory.path and self._visible(directory.path):  # of a root's mark overlayfs takes no notice: see `finish`
            whiteouts.make_opaque(directory.fd)
        self.opaque.add(directory.path)

    def finish(self) -> None:
        """What has to wait for the last entry: the whiteouts of an opaque root, and the directories' times."""
        if b"" in self.opaque and not self.plain:
            self.opaque.remove(b"")
            for name in lowers.names(self._lower_roots()):
                self.hide(self.root, name)
        for path in sorted(self.mtimes):
            time = self.mtimes[path]
            os.utime(self.directory(path).fd, ns=(time, time))

    def copy_root_attributes(self) -> None:
        """The attributes of the topmost lower layer's root, for an archive that has no entry for its own."""
        roots = self._lower_roots()
        if roots:
            found = os.lstat(roots[0])
            attributes.copy_to(self.root.fd, roots[0], found, self.subject)
            self.mtimes[b""] = found.st_mtime_ns

    def _enter(self, parent: Directory, name: bytes, make: bool) -> Directory | bytes | None:
        """One step down: the directory or a link's target; where there is neither, a new directory or None."""
        known = self._open.get(parent.join(name))
        if known is not None:
            return known
        try:
            return self.open_child(parent, name)
        except FileNotFoundError:
            return self._enter_lower(parent, name, make)
        except NotADirectoryError:
            pass
        found = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            return os.readlink(name, dir_fd=parent.fd)
        if parent.join(name) not in self.made:
            return self.replace_by_directory(parent, name) if make else None
        raise Damaged("its path leads through something that is no directory")

    def _enter_lower(self, parent: Directory, name: bytes, make: bool) -> Directory | bytes | None:
        """One step down to what only lower layers have, or nobody."""
        found = self.below(parent, name)
        if found is not None and stat.S_ISLNK(found.stat.st_mode):
            return os.readlink(found.paths[0])
        if not make and (found is None or not found.is_directory):
            return None
        child = self.make_child(parent, name)
        if found is not None and found.is_directory:
            attributes.copy_to(child.fd, found.paths[0], found.stat, self.subject)
            child.inherits = attributes.inherits(child.fd, found.stat)
            self.mtimes[child.path] = found.stat.st_mtime_ns
        return child

    def _lower_roots(self) -> tuple[bytes, ...]:
        if self._bottoms is None:
            given = self._beneath() if callable(self._beneath) else self._beneath
            self._bottoms = tuple(os.fsencode(path) for path in given)
        return self._bottoms

    def _visible(self, path: bytes) -> tuple[bytes, ...]:
        """The lower directories that merge into a directory of this layer, topmost first."""
        if self.plain or self._beneath == () or b"" in self.opaque:
            return ()
        merged = self._lower_roots()
        prefix = b""
        for name in path.split(b"/") if path else ():
            prefix = prefix + b"/" + name if prefix else name
            if not merged or prefix in self.opaque:
                return ()
            found = lowers.look(merged, name)
            merged = found.paths if found is not None and found.is_directory else ()
        return merged

    def _remove(self, dir_fd: int, name: bytes, path: bytes) -> None:
        self.made.discard(path)
        try:
            os.unlink(name, dir_fd=dir_fd)
            return
        except IsADirectoryError:
            pass
        self._forget(path)
        self.mtimes.pop(path, None)
        self.opaque.discard(path)
        fd = os.open(name, _DIRECTORY, dir_fd=dir_fd)
        try:
            for child in os.listdir(fd):
                raw = os.fsencode(child)
                self._remove(fd, raw, path + b"/" + raw)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=dir_fd)

    def _prune(self, fd: int, path: bytes) -> None:
        """Removes from a directory what this layer has no entry for."""
        for child in os.listdir(fd):
            name = os.fsencode(child)
            inner = path + b"/" + name if path else name
            if inner not in self.made:
                self._remove(fd, name, inner)
                continue
            try:
                inner_fd = os.open(name, _DIRECTORY, dir_fd=fd)
            except NotADirectoryError:
                continue
            try:
                self._prune(inner_fd, inner)
            finally:
                os.close(inner_fd)

    def _forget(self, path: bytes) -> None:
        known = self._open.pop(path, None)
        if known is not None:
            os.close(known.fd)
