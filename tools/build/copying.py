"""COPY and ADD: which files they take, where these go in the image, and the layer that they make.

A source is resolved in its tree, and never leads out of it; the destination is resolved in the image. The content of a
directory goes into the destination; a file goes to it, or into it where it is a directory or ends with a slash.
"""

from __future__ import annotations

import os
import posixpath

from oci_spec.jsondoc import FormatError

from ..errors import NotFound, OcipipeError
from ..host import files
from ..layers import lowers
from ..runtime import users
from . import patterns
from .instruction import DockerfileError
from .listing import ArchiveGroup, FileGroup, InlineGroup, Stream, TreeGroup
from .modes import Mode
from .trees import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .ignore import Ignore
    from .listing import Group, Items
    from .remote import Fetched
    from .steps import Copy

_LOOKUP_LIMIT = 4 << 20


class Copying:
    """One COPY or ADD, ready to be read, as often as one likes. `destination` is absolute in the image; `owner` is that
    of directories that are made on the way."""

    def __init__(
        self, step: Copy, groups: Sequence[Group], destination: str, owner: tuple[int, int] | None, latest: int | None
    ) -> None:
        self.destination = destination
        self.owner = owner or (0, 0)
        self.unpacks = any(isinstance(one, ArchiveGroup) for one in groups)
        self._groups = groups
        self._owner = owner
        self._latest = latest
        try:
            self._mode = Mode(step.chmod) if step.chmod else None
        except FormatError as error:
            raise DockerfileError(step.place, error.subject, error.problem) from None

    def stream(self, *, unpack: bool) -> Stream:
        """What it copies; with `unpack`, what is in archives that it unpacks."""
        return Stream(self._groups, unpack=unpack, owner=self._owner, mode=self._mode, latest=self._latest)


def copying(
    step: Copy, source: Tree, image: Tree, directory: str, time: int | None,
    fetch: Callable[[str], Fetched], exclude: Ignore | None,
) -> Copying:  # fmt: skip
    """`source`: where it copies from; `image`: what the stage has so far; `directory`: the working directory; `time`:
    what files that are not of an image get for theirs, in nanoseconds; `fetch` gets what a URL names.

    Raises NotFound for a source that is not there, DockerfileError, and what fetching raises.
    """
    return _Finder(step, source, image, directory, time, fetch, exclude).copying()


class _Finder:
    def __init__(
        self, step: Copy, source: Tree, image: Tree, directory: str, time: int | None,
        fetch: Callable[[str], Fetched], exclude: Ignore | None,
    ) -> None:  # fmt: skip
        self._step = step
        self._source = source
        self._image = image
        self._latest = time
        self._time = None if source.own_owner else time
        self._made_time = 0 if time is None else time
        self._fetch = fetch
        self._exclude = exclude
        many = len(step.sources) + len(step.files) > 1
        written = step.destination
        self._is_directory = step.parents or written.endswith("/") or posixpath.basename(written) in (".", "..", "")
        self.destination = posixpath.normpath(posixpath.join("/", directory, written)).replace("//", "/")
        if many and not self._is_directory and not self._there_is_directory():
            raise DockerfileError(step.place, written, "several sources need a directory", f"write {written}/")

    def copying(self) -> Copying:
        step = self._step
        groups: list[Group] = []
        for written in step.sources:
            groups += self._groups(written)
        for one in step.files:
            groups.append(InlineGroup(self._place(os.fsencode(one.name)), one.content, self._made_time))
        owner = ownership(step.chown, self._image, str(step.place)) if step.chown else None
        return Copying(step, groups, self.destination, owner, self._latest)

    @property
    def _base(self) -> bytes:
        """The destination in the image, links followed unless it is a layer of its own (--link)."""
        path = os.fsencode(self.destination)
        return path.strip(b"/") if self._step.link else self._image.resolve(path)

    def _there_is_directory(self) -> bool:
        found = None if self._step.link else self._image.look(self._base)
        return found is not None and found.is_directory

    def _place(self, name: bytes) -> bytes:
        """Where a file of this name goes."""
        base = self._base
        if self._is_directory or not base or self._there_is_directory():
            return base + b"/" + name if base else name
        return base

    def _groups(self, written: str) -> Iterator[Group]:
        from .files import remote

        step = self._step
        kind = remote(written) if step.add else ""
        if kind:
            fetched = self._fetch(written)
            if fetched.directory:
                tree = Tree([fetched.directory], written, live=False, own_owner=False)
                yield self._of_tree(tree, b"", self._base)
            else:
                place = self._place(os.fsencode(fetched.name))
                if step.unpack:
                    yield self._archive(fetched.fd, written)
                else:
                    yield FileGroup(place, fetched.fd, 0o600, fetched.time if self._time is None else self._time)
            return
        found = False
        is_pattern = patterns.is_pattern(written)
        for path, kept in self._expanded(written):
            found = True
            name = os.fsdecode(path.rpartition(b"/")[2])
            if is_pattern and self._exclude is not None and self._exclude.ignores(name):
                continue
            yield from self._of_source(written, path, kept)
        if not found and not is_pattern:
            raise NotFound(written, f"is not in {self._source.name}", "see what is there, and .dockerignore")

    def _of_source(self, written: str, path: bytes, kept: bytes) -> Iterator[Group]:
        """`path`: as it was matched; `kept`: the part of it that --parents keeps."""
        canonical = self._source.resolve(path)
        there = self._source.look(canonical)
        shown = os.fsdecode(path)
        if there is None or (self._source.hides(path) and not there.is_directory):
            raise NotFound(written, f"{shown} is not in {self._source.name}", "see what is there, and .dockerignore")
        if self._step.parents:
            yield self._with_parents(path, kept)
        elif there.is_directory:
            yield self._of_tree(self._source, canonical, self._base)
        else:
            if self._step.add and self._step.unpack is not False:
                from . import archives

                pin = self._source.pin(canonical, there)
                try:
                    is_archive = archives.is_archive(pin)
                finally:
                    os.close(pin)
                if is_archive:
                    yield self._archive_of(canonical, shown)
                    return
            place = self._place(path.rstrip(b"/").rpartition(b"/")[2])
            yield self._of_tree(self._source, canonical, place)

    def _of_tree(self, tree: Tree, top: bytes, base: bytes) -> Group:
        def items() -> Items:
            for path, pin, found in tree.walk(top, self._exclude):
                yield (base + b"/" + path if base and path else base or path), pin, found

        return TreeGroup(items, is_top=True, own_owner=tree.own_owner, time=None if tree.own_owner else self._time)

    def _with_parents(self, path: bytes, kept: bytes) -> Group:
        """The source under its own path, with the directories that lead to it as they are."""
        base = self._base

        def items() -> Items:
            above = path.removesuffix(kept).rstrip(b"/")
            parts = kept.strip(b"/").split(b"/")
            for end in range(1, len(parts)):
                outer = b"/".join(parts[:end])
                canonical = self._source.resolve(above + b"/" + outer)
                found = self._source.look(canonical)
                if found is not None:
                    pin = self._source.pin(canonical, found)
                    try:
                        yield base + b"/" + outer if base else outer, pin, os.fstat(pin)
                    finally:
                        os.close(pin)
            name = b"/".join(parts)
            for inner, pin, status in self._source.walk(self._source.resolve(path), self._exclude):
                whole = name + b"/" + inner if inner and name else name or inner
                yield base + b"/" + whole if base and whole else base or whole, pin, status

        return TreeGroup(items, is_top=False, own_owner=self._source.own_owner, time=self._time)

    def _archive_of(self, canonical: bytes, shown: str) -> Group:
        from . import archives

        def chunks() -> Iterator[bytes]:
            found = self._source.look(canonical)
            if found is None:
                raise NotFound(shown, "went away while it was copied", "build again")
            pin = self._source.pin(canonical, found)
            try:
                yield from archives.chunks(pin)
            finally:
                os.close(pin)

        return ArchiveGroup(self._base, shown, chunks, lambda data: archives.unpacked(data, shown))

    def _archive(self, fd: int, shown: str) -> Group:
        from . import archives

        return ArchiveGroup(
            self._base, shown, lambda: archives.chunks(fd), lambda data: archives.unpacked(data, shown)
        )

    def _expanded(self, written: str) -> Iterator[tuple[bytes, bytes]]:
        """The paths that a source stands for, in byte order, each with the part of it that --parents keeps."""
        before, pivot, after = written.partition("/./") if self._step.parents else ("", "", written)
        parts = _parts(before)
        kept = len(parts) if pivot else 0
        parts += _parts(after)
        for path in self._matched([], parts):
            yield b"/".join(path), b"/".join(path[kept:])

    def _matched(self, done: list[bytes], left: list[bytes]) -> Iterator[list[bytes]]:
        if not left:
            yield done
            return
        first, *rest = left
        if not patterns.is_pattern(os.fsdecode(first)):
            canonical = self._source.resolve(b"/".join([*done, first]))
            if self._source.look(canonical) is not None:
                yield from self._matched([*done, first], rest)
            return
        directory = self._source.look(self._source.resolve(b"/".join(done)))
        if directory is None or not directory.is_directory:
            return
        fits = self._fitting(os.fsdecode(first))
        for name in self._source.names(directory):
            if not fits(os.fsdecode(name)) or lowers.look(directory.paths, name) is None:
                continue
            path = [*done, name]
            there = self._source.look(self._source.resolve(b"/".join(path)))
            if there is not None and not self._source.hides(b"/".join(path)):
                yield from self._matched(path, rest)

    def _fitting(self, pattern: str) -> Callable[[str], object]:
        try:
            return patterns.compiled(pattern, deep=False)
        except ValueError as error:
            raise DockerfileError(self._step.place, pattern, str(error)) from None


def _parts(written: str) -> list[bytes]:
    """A source's path part by part; it begins at the tree's root, and `..` stops there (Dockerfile reference, COPY)."""
    parts: list[bytes] = []
    for part in os.fsencode(written).split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return parts


def ownership(text: str, image: Tree, place: str) -> tuple[int, int]:
    """Who --chown means: names are looked up in the image; a number without a group is the group's, too (Dockerfile
    reference, COPY --chown). Raises NotFound."""
    name, _, group = text.partition(":")
    uid, gid = user(text, image, f"{place}: --chown={text}")
    return (uid, uid) if not group and name.isdecimal() else (uid, gid)


def user(text: str, image: Tree, subject: str) -> tuple[int, int]:
    """The ids of the user that USER names. Raises NotFound."""
    try:
        found = users.resolve(text, _read(image, b"etc/passwd"), _read(image, b"etc/group"))
    except OcipipeError as error:
        raise NotFound(subject, f"{error.subject}: {error.problem}", "name one by number") from None
    return found.uid, found.gid


def _read(image: Tree, path: bytes) -> str:
    canonical = image.resolve(path)
    found = image.look(canonical)
    if found is None:
        return ""
    try:
        return files.read_limited(os.fsdecode(found.paths[0]), _LOOKUP_LIMIT).decode("utf-8", "replace")
    except OcipipeError:
        return ""


def excluding(step: Copy) -> Ignore | None:
    """What --exclude leaves out, by paths relative to what is copied. Raises DockerfileError."""
    if not step.exclude:
        return None
    from .ignore import Ignore

    try:
        return Ignore.of(step.exclude)
    except FormatError as error:
        raise DockerfileError(step.place, f"--exclude={error.subject}", error.problem) from None
