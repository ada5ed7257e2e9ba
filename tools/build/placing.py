"""What a COPY or ADD brings, put into a new layer over those beneath.

A path in the image is resolved as a process in it would, link by link, and never leaves it. A directory goes into the
one that is there, or that a link there leads to; a file takes a file's place; a file never takes a directory's, nor a
directory a file's.
"""

from __future__ import annotations

import os
import stat

from oci_spec.tarfields import Damaged

from ..errors import Conflict
from ..layers import attributes
from ..layers.apply import Applier
from ..layers.confine import Tree
from ..layers.extract import failed
from ..layers.paths import clean, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_spec.tarstream import Entry

    from ..layers.confine import Directory
    from .listing import Stream

_DIRECTORY = ord("5")


def place(stream: Stream, directory: str, lowers: Sequence[str], owner: tuple[int, int], subject: str) -> None:
    """Puts the members of `stream` into the empty directory `directory` over the layers `lowers`, topmost first.
    Directories that lead to them and are missing are `owner`'s. Raises Conflict, Corrupt, Denied, Unavailable."""
    tree = Tree(directory, lowers, subject)
    try:
        Placer(tree, stream, subject, owner).extract()
    finally:
        tree.close()


def make_directory(
    path: bytes, directory: str, lowers: Sequence[str], owner: tuple[int, int], subject: str
) -> None:
    """Makes a directory of the image, with those that lead to it, in the same way; all are `owner`'s."""
    tree = Tree(directory, lowers, subject)
    try:
        tree.copy_root_attributes()
        _parent(tree, clean(path), owner, subject)
        tree.finish()
    finally:
        tree.close()


class Placer(Applier):
    """See `place`."""

    def __init__(self, tree: Tree, stream: Stream, subject: str, owner: tuple[int, int]) -> None:
        super().__init__(tree, stream, subject)
        self._stream = stream
        self._owner = owner

    def _where(self, entry: Entry | None) -> str:
        return self._subject if entry is None else f"{self._subject}: /{shown(entry.name).strip('/')}"

    def extract(self) -> None:
        where = self._subject
        self._tree.copy_root_attributes()
        try:
            for entry in self._reader:
                where = self._where(entry)
                self._apply(entry)
                where = self._subject
            self._tree.finish()
        except Damaged as error:
            raise Conflict(where, str(error)) from None
        except OSError as error:
            raise failed(where, error) from None

    def _apply(self, entry: Entry) -> None:
        parts = clean(entry.name)
        attributes.check_owner(entry)
        if not parts:
            return  # the image's root, which is there
        parent = _parent(self._tree, parts[:-1], self._owner, self._subject)
        name = parts[-1]
        there = _mode(self._tree, parent, name)
        path = parent.join(name)
        if entry.kind == _DIRECTORY:
            self._place_directory(entry, parent, name, there)
        elif there is not None and stat.S_ISDIR(there):
            raise Conflict(self._where(entry), "is a directory: a file cannot take its place")
        else:
            self._makers[entry.kind](entry, parent, name)
        self._tree.note(path)

    def _place_directory(self, entry: Entry, parent: Directory, name: bytes, there: int | None) -> None:
        if there is None:
            self._describe(entry, self._tree.make_child(parent, name), False)
            return
        found = self._tree.find(parent.join(name))
        if found is None:
            raise Conflict(self._where(entry), "is no directory, and one cannot take its place")
        if stat.S_ISDIR(there) and not self._stream.is_top:
            self._describe(entry, found, True)


def _parent(tree: Tree, parts: list[bytes], owner: tuple[int, int], subject: str) -> Directory:
    """The directory that a path leads to; what is missing on the way is made, and `owner`'s."""
    if not parts:
        return tree.root
    path = b"/".join(parts)
    found = tree.find(path)
    if found is not None:
        return found
    parent = _parent(tree, parts[:-1], owner, subject)
    if _mode(tree, parent, parts[-1]) is not None:
        raise Conflict(f"{subject}: /{shown(path)}", "is no directory")
    child = tree.make_child(parent, parts[-1])
    os.fchown(child.fd, *owner)
    tree.note(child.path)
    return child


def _mode(tree: Tree, parent: Directory, name: bytes) -> int | None:
    """Type and permissions of what the image has at an entry of a directory; None where there is nothing."""
    if parent.join(name) in tree.made:
        return os.stat(name, dir_fd=parent.fd, follow_symlinks=False).st_mode
    below = tree.below(parent, name)
    return None if below is None else below.stat.st_mode
