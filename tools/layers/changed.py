"""What an overlay's upper directory changes of the layers beneath it, read from that directory alone.

A character device 0:0 hides a name; a directory marked opaque hides all of the one beneath it, and so does everything
in it. overlayfs also marks a new directory opaque that hides nothing: that one is merely new.
"""

from __future__ import annotations

import os
import stat

from ..host import beneath
from . import attributes, lowers, whiteouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..host.beneath import Root
    from .lowers import Found


class Change:
    """`path` relative to the root, b"" for the root itself; `kind`: added, changed or deleted. `opaque`: a directory
    that hides one beneath it; `hidden`: in such a one, so that nothing beneath shows through anyway."""

    __slots__ = ("hidden", "kind", "opaque", "path")

    def __init__(self, path: bytes, kind: str, hidden: bool) -> None:
        self.path = path
        self.kind = kind
        self.hidden = hidden
        self.opaque = False


def changes(upper: Root, layers: Sequence[str], machinery: Collection[bytes] = ()) -> Iterator[Change]:
    """The changes in the directory `upper` over `layers` (topmost first), a directory before what is in it, names in
    byte order. The root is among them only when its attributes have changed.

    `machinery` are paths that whoever ran the container made, mount points: they are left out with all beneath them,
    and so are the directories that are there only to hold them. Other processes may change `upper` meanwhile.
    """
    above = {path[:end] for path in machinery for end in range(len(path)) if path[end : end + 1] == b"/"} | {b""}
    roots = tuple(map(os.fsencode, layers))
    bottom = lowers.Found(os.lstat(roots[0]), roots) if roots else None
    waiting: list[tuple[bytes, Found | None, bool]] = [(b"", bottom, False)]
    held: list[Change] = []
    while waiting:
        path, below, hidden = waiting.pop()
        if path in machinery:
            continue
        look = _Look(upper, path, below, hidden)
        if look.change is None:
            continue
        if look.names is not None and path in above and look.is_same():
            held.append(look.change)  # told if something in it is
        else:
            yield from (one for one in held if one.path and path.startswith(one.path + b"/"))
            held.clear()
            yield look.change
        beneath_it = below.paths if below is not None and below.is_directory else ()
        for name in reversed(look.names or ()):
            inner = path + b"/" + name if path else name
            waiting.append((inner, lowers.look(beneath_it, name), look.change.hidden or look.change.opaque))


class _Look:
    """A path of the upper directory: its `change`, None for none; and of a directory the `names` to go on with."""

    __slots__ = ("_attributes", "_below", "change", "names")

    def __init__(self, upper: Root, path: bytes, below: Found | None, hidden: bool) -> None:
        self.names: list[bytes] | None = None
        self._below = below
        gone = Change(path, "deleted", hidden) if below is not None else None
        try:
            pin = upper.step(path)
        except OSError as error:
            if not path or error.errno not in beneath.GONE:
                raise
            self.change = gone if hidden else None
            return
        try:
            found = os.fstat(pin)
            if whiteouts.is_whiteout(found):
                self.change = gone
                return
            self.change = Change(path, "added" if below is None else "changed", hidden)
            if stat.S_ISDIR(found.st_mode):
                self._attributes = _attributes(found, beneath.place(pin), True)
                self._list(pin, self.change)
        finally:
            os.close(pin)

    def _list(self, pin: int, change: Change) -> None:
        self.names = beneath.listed(pin)
        if self._below is not None and self._below.is_directory:
            change.opaque = not change.hidden and whiteouts.is_opaque(beneath.place(pin), follow=True)
            if change.hidden or change.opaque:
                self.names = sorted({*self.names, *lowers.names(self._below.paths)})

    def is_same(self) -> bool:
        """Whether a directory is like the one beneath it, or like what the parent of a new mount point is made."""
        if self._below is None:
            return self._attributes == (stat.S_IFDIR | 0o755, 0, 0, {})
        return self._attributes == _attributes(self._below.stat, self._below.paths[0], False)


def _attributes(found: os.stat_result, source: bytes, follow: bool) -> tuple[int, int, int, dict[bytes, bytes]]:
    """Mode, owner, group and what is carried of the extended attributes; no times."""
    read = attributes.read_xattrs(source, follow=follow)
    carried = {name: value for name, value in read.items() if attributes.is_carried(name)}
    return found.st_mode, found.st_uid, found.st_gid, carried
