"""Trees that files are copied from: a directory of the host, or the unpacked layers of a stage or an image.

A path in one is resolved as a process in it would, never out of it. What was found is held open while it is read; of a
directory of the host, which others may be changing, all is opened below its root without following a link.
"""

from __future__ import annotations

import errno
import os
import stat

from ..errors import NotFound, UsageError
from ..host import beneath
from ..host.beneath import Root
from ..layers import lowers
from ..layers.lowers import Found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .ignore import Ignore, Spot


class Tree:
    """`roots`: the directories that merge into it, topmost first. `name` for messages. `live`: others may be changing
    it. `own_owner`: whether its files keep their owners when they are copied. `ignore`: what is left out of it."""

    def __init__(
        self, roots: Sequence[str], name: str, *, live: bool, own_owner: bool, ignore: Ignore | None = None
    ) -> None:
        self.name = name
        self.roots = list(roots)
        self.own_owner = own_owner
        self.ignore = ignore
        self._live = Root.at(roots[0]) if live else None

    def close(self) -> None:
        if self._live is not None:
            self._live.close()

    def resolve(self, path: bytes) -> bytes:
        """The canonical path that `path` leads to. Raises UsageError for links in a circle."""
        try:
            return lowers.resolve([os.fsencode(one) for one in self.roots], path)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise UsageError(os.fsdecode(path), f"its links go in a circle in {self.name}") from None

    def look(self, path: bytes) -> Found | None:
        """What is at a canonical path, which no link in it is followed for."""
        merged: tuple[bytes, ...] = tuple(map(os.fsencode, self.roots))
        if not merged:
            return None
        found: Found | None = Found(os.lstat(merged[0]), merged)
        for name in path.split(b"/") if path else ():
            if found is None or not found.is_directory:
                return None
            found = lowers.look(found.paths, name)
        return found

    def names(self, found: Found) -> list[bytes]:
        """The names in a directory, in byte order; some may be hidden."""
        return sorted(lowers.names(found.paths))

    def pin(self, path: bytes, found: Found) -> int:
        """A descriptor of what was found at a canonical path. Raises NotFound when it has gone."""
        try:
            if self._live is not None:
                return self._live.pin(path)
            return beneath.opened(found.paths[0])
        except OSError as error:
            raise _gone(path, error) from None

    def hides(self, path: bytes) -> bool:
        """Whether a path, as it was written, is left out of the tree."""
        return self.ignore is not None and bool(path) and self.ignore.ignores(os.fsdecode(path))

    def walk(self, top: bytes, exclude: Ignore | None = None) -> Iterator[tuple[bytes, int, os.stat_result]]:
        """What is at the canonical path `top`, and all beneath it, by its path relative to that, b"" first: a pin, or
        of a file a descriptor to read, that is open until the next step, and what it was when it was opened. A
        directory comes before what is in it, names in byte order. What the tree leaves out, or `exclude` of paths
        relative to `top`, is passed over; a directory of that kind is there after all where something in it is."""
        first = self.look(top)
        if first is None:
            return
        live = None if self._live is None else Root(os.dup(self._live.fd))  # others may be walking, too
        try:
            yield from self._walk(top, first, live, exclude)
        finally:
            if live is not None:
                live.close()

    def _walk(
        self, top: bytes, first: Found, live: Root | None, exclude: Ignore | None
    ) -> Iterator[tuple[bytes, int, os.stat_result]]:
        waiting = [(b"", first, self._spots(top, exclude))]
        held: list[tuple[bytes, Found]] = []
        while waiting:
            path, found, spots = waiting.pop()
            while held and not path.startswith(held[-1][0] + b"/"):
                held.pop()
            if not any(spot.ignored for spot in spots):
                for outer, one in held:
                    yield from _held(live, top, outer, one)
                held.clear()
                yield from _held(live, top, path, found)
            elif found.is_directory and all(spot.entered for spot in spots):
                held.append((path, found))
            else:
                continue
            if found.is_directory:
                for name in reversed(self.names(found)):
                    child = lowers.look(found.paths, name)
                    if child is not None:
                        below = [spot.below(os.fsdecode(name)) for spot in spots]
                        waiting.append((path + b"/" + name if path else name, child, below))

    def _spots(self, top: bytes, exclude: Ignore | None) -> list[Spot]:
        found = [] if exclude is None else [exclude.root]
        if self.ignore is not None:
            spot = self.ignore.root
            for name in os.fsdecode(top).split("/") if top else ():
                spot = spot.below(name)
            found.append(spot)
        return found


def _held(live: Root | None, top: bytes, path: bytes, found: Found) -> Iterator[tuple[bytes, int, os.stat_result]]:
    """What was found at `path` below `top`; a file is open to be read, as nobody without privileges makes a device."""
    is_file = stat.S_ISREG(found.stat.st_mode)
    try:
        if live is not None:
            fd = live.step(top + b"/" + path if top and path else top or path, to_read=is_file)
        else:
            fd = beneath.opened(found.paths[0], to_read=is_file)
    except OSError as error:
        raise _gone(path, error) from None
    try:
        status = os.fstat(fd)
        if stat.S_IFMT(status.st_mode) == stat.S_IFMT(found.stat.st_mode):
            yield path, fd, status
    finally:
        os.close(fd)


def _gone(path: bytes, error: OSError) -> NotFound:
    why = os.strerror(error.errno or 0).lower()
    return NotFound(os.fsdecode(path), f"went away while it was copied: {why}", "build again")
