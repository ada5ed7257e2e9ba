"""Files between a container and the host, two containers, or a container and a tar stream: docker cp's rules.

The source is pinned part for part as the kernel resolves it within its root; the destination is written step by step
within its own (see host/beneath.py and layers/extract.py). So a link of the container never leads to the host, and a
process that changes its files meanwhile can at most spoil its own copy.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack

from oci_spec import tarwriter
from oci_spec.tarfields import Damaged
from oci_spec.tarstream import Reader

from ..errors import Conflict, NotFound, Unsupported, UsageError
from ..host.beneath import Root
from ..host.files import read_stream
from ..layers import compression
from ..layers.confine import Tree
from ..layers.extract import Extractor, failed
from ..layers.lowers import LINK_LIMIT
from ..layers.members import Gathered, Members
from . import ending, inside, selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..context import Context
    from ..layers.apply import Archive
    from ..layers.members import Owners
    from ..store.store import Store

STREAM = "-"
_SPECIAL = (b"", b".", b"..")
_KERNEL = (b"proc", b"sys")
"""Of a container's root, while it runs: what the kernel makes up, which is no copy's."""


class Place:
    """One side of a copy as it was written: `container` is '' for the host; `text` names it in messages."""

    __slots__ = ("container", "path", "text")

    def __init__(self, text: str) -> None:
        name, colon, path = text.partition(":")
        is_container = bool(colon) and name != "" and not text.startswith(("/", "."))
        self.text = text
        self.container = name if is_container else ""
        path = path if is_container else text
        if not path and not is_container:
            raise UsageError("operand", "is empty", "name a file, CONTAINER:PATH, or - for a tar stream")
        self.path = os.fsencode(path or "/")


def sides(source: str, target: str) -> tuple[Place, Place]:
    """The two sides of a copy. Raises UsageError unless one is in a container, and one is no stream."""
    if source == STREAM and target == STREAM:
        raise UsageError("- -", "copies a stream to a stream", "name a container on one side")
    here, there = Place(source), Place(target)
    if not here.container and not there.container:
        raise UsageError(f"{source} {target}", "neither is in a container", "write CONTAINER:PATH")
    return here, there


class Copy:
    """One copy. `archive` keeps owners and extended attributes; else all belongs to root in a container, and to us on
    the host. `follow` copies what a link in the source's last part leads to, in place of the link."""

    def __init__(self, ctx: Context, store: Store, stack: ExitStack, *, archive: bool, follow: bool) -> None:
        self._ctx = ctx
        self._store = store
        self._stack = stack
        self._archive = archive
        self._follow = follow
        self._inside: dict[str, inside.Inside] = {}

    def run(self, source: str, target: str, write: Callable[[bytes], object]) -> None:
        """Copies; `-` as target writes an archive to `write`, as source it is read from stdin.

        Raises UsageError, NotFound, Conflict for what is in the way or may not be replaced, Denied where nothing may be
        written, Corrupt for a broken archive, Unsupported, Unavailable. What was copied before stays.
        """
        here, there = sides(source, target)
        destination = None if target == STREAM else self._enter(there, write=True)
        if source == STREAM:
            assert destination is not None
            chunks = compression.decompress(read_stream(self._ctx.stdin.fileno(), "stdin"), "the archive on stdin")
            _Target(destination, there).extract(None, Reader(chunks), self._owner(there, stream=True), xattrs=True)
            self._tell(there, "extract-to-dir")
            return
        entered = self._enter(here)
        found = _Source(entered.root, here, self._stack, follow=self._follow)
        found.owners = entered.maps.inside if entered.maps else None
        if destination is None:
            members = Members(owners=found.owners)
            for name, pin, status in found.walk(found.name or b"."):
                for chunk in members.tar(name, pin, status):
                    write(chunk)
            write(tarwriter.END)
            self._tell(here, "archive-path")
            return
        _Target(destination, there).extract(found, None, self._owner(there), xattrs=self._archive)
        self._tell(here, "archive-path")
        self._tell(there, "extract-to-dir")

    def _tell(self, place: Place, action: str) -> None:
        """Writes to the journal what was done with a container, in docker's words."""
        if place.container:
            container = selecting.find(self._store, place.container)
            ending.tell(self._ctx, self._store, container, action, path=place.path.decode("utf-8", "replace"))

    def _enter(self, place: Place, *, write: bool = False) -> inside.Inside:
        if not place.container:
            place.path = os.path.join(os.getcwdb(), place.path)
            return inside.Inside(self._stack.enter_context(Root.at("/")))
        container = selecting.find(self._store, place.container)
        if container.id not in self._inside:
            self._inside[container.id] = inside.enter(self._ctx, self._store, container, self._stack, write=write)
        return self._inside[container.id]

    def _owner(self, target: Place, *, stream: bool = False) -> tuple[int, int] | None:
        if self._archive or stream:
            return None
        return (0, 0) if target.container else (self._ctx.user, os.getegid())


class _Source:
    """What is to be copied, pinned. `name` is what it is called where it comes to, b"" when only its content does."""

    def __init__(self, root: Root, place: Place, stack: ExitStack, *, follow: bool) -> None:
        self._text = place.text
        self.owners: Owners | None = None
        path = place.path
        last = path.rstrip(b"/").rpartition(b"/")[2]
        as_directory = path.endswith(b"/") or last in _SPECIAL
        try:
            self.pin = root.pin(path, links=True, follow=follow or as_directory)
        except OSError as error:
            raise _unreachable(place.text, error) from None
        stack.callback(os.close, self.pin)
        self.status = os.fstat(self.pin)
        if stat.S_ISSOCK(self.status.st_mode):
            raise Unsupported(place.text, "is a socket, which cannot be copied")
        self.name = b"" if last in _SPECIAL else last
        whole = place.container and os.path.samestat(self.status, os.fstat(root.fd))
        self._without = [name for name in _KERNEL if _is_mounted(name, self.pin)] if whole else []

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    def walk(self, name: bytes) -> Iterator[tuple[bytes, int, os.stat_result]]:
        """It, called `name`, and all that is in it: see Root.walk."""
        if not self.is_directory:
            yield name, self.pin, self.status
            return
        try:
            with Root(os.dup(self.pin)) as top:
                for path, pin, status in top.walk(self._without):
                    yield (name + b"/" + path if path else name), pin, status
        except OSError as error:
            raise failed(self._text, error) from None


class _Target:
    """Where it is copied to."""

    def __init__(self, destination: inside.Inside, place: Place) -> None:
        self._transient = destination.transient
        self._maps = destination.maps
        self._text = place.text
        self._path = place.path
        self._tree = Tree(f"/proc/self/fd/{destination.root.fd}/.", None, place.text)

    def extract(
        self, source: _Source | None, stream: Archive | None, owner: tuple[int, int] | None, *, xattrs: bool
    ) -> None:
        """Puts a source, or the members of a stream, there. Raises Conflict for what cannot be in that place, and what
        `failed` makes of an error of the system."""
        try:
            base, name = self._find(source)
            self._check_transient(base)
            archive = stream
            if source is not None:
                self._check_apart(source, base, name)
                archive = Gathered(source.walk(name or b"."), source.owners)
            assert archive is not None
            if self._maps is None:
                Extractor(self._tree, archive, self._text, base, owner=owner, xattrs=xattrs).extract()
                return
            from ..host.owners import acting_as

            with acting_as(*self._maps.root):
                Extractor(
                    self._tree, archive, self._text, base, owner=owner, xattrs=xattrs, owners=self._maps.outside
                ).extract()
        except Damaged as error:
            raise Conflict(self._text, str(error)) from None
        except OSError as error:
            raise failed(self._text, error) from None
        finally:
            self._tree.close()

    def _find(self, source: _Source | None) -> tuple[bytes, bytes]:
        """The canonical directory to put things in, and what the source is called there; b"" for its content alone."""
        path = self._path
        for _ in range(LINK_LIMIT):
            bare = path.rstrip(b"/")
            above, _, name = bare.rpartition(b"/")
            if name in _SPECIAL:
                found = self._tree.find(bare)
                if found is None:
                    raise NotFound(self._text, "no such directory")
                return found.path, source.name if source else b""
            parent = self._tree.find(above)
            if parent is None:
                raise NotFound(self._text, "the directory that it is to be in does not exist")
            try:
                status = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
            except FileNotFoundError:
                return self._new(source, parent.path, name, bare != path)
            if stat.S_ISDIR(status.st_mode):
                return parent.join(name), source.name if source else b""
            if not stat.S_ISLNK(status.st_mode):
                if bare != path or source is None:
                    raise Conflict(self._text, "is no directory")
                if source.is_directory:
                    raise Conflict(self._text, "is no directory, and one cannot take its place")
                return parent.path, name
            to = os.readlink(name, dir_fd=parent.fd)
            path = (to if to.startswith(b"/") else parent.join(to)) + (b"/" if bare != path else b"")
        raise Conflict(self._text, "leads through too many symbolic links")

    def _new(self, source: _Source | None, parent: bytes, name: bytes, as_directory: bool) -> tuple[bytes, bytes]:
        if source is None or (as_directory and not source.is_directory):
            raise NotFound(self._text, "no such directory")
        return parent, name

    def _check_transient(self, base: bytes) -> None:
        found = self._tree.find(base)
        if found is not None and self._transient is not None and os.fstat(found.fd).st_dev == self._transient:
            raise Conflict(self._text, "lies in what the container has only while it runs", "ctr-start it first")

    def _check_apart(self, source: _Source, base: bytes, name: bytes) -> None:
        """Refuses a copy of something onto or into itself, which would not end."""
        directory = self._tree.find(base)
        if directory is not None and name:
            try:
                if os.path.samestat(source.status, os.stat(name, dir_fd=directory.fd, follow_symlinks=False)):
                    raise Conflict(self._text, "is the same as the source")
            except FileNotFoundError:
                pass
        path: bytes | None = base
        while source.is_directory and path is not None:
            directory = self._tree.find(path)
            if directory is not None and os.path.samestat(source.status, os.fstat(directory.fd)):
                raise Conflict(self._text, "lies in the source itself")
            path = path.rpartition(b"/")[0] if path else None


def _is_mounted(name: bytes, directory: int) -> bool:
    """Whether another file system is mounted there in a directory."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_dev != os.fstat(directory).st_dev
    except FileNotFoundError:
        return False


def _unreachable(text: str, error: OSError) -> Exception:
    if error.errno == errno.ENOENT:
        return NotFound(text, "no such file or directory")
    if error.errno == errno.ENOTDIR:
        return Conflict(text, "leads through something that is no directory")
    if error.errno == errno.EXDEV:
        return Conflict(text, "leads through a link of /proc that jumps elsewhere", "name the file itself")
    return failed(text, error)
