"""What a command's files can be like if the power is cut while it runs: recorded once, made again anywhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tracing
from cli_world import Outcome
from power_cut import Disk, Node, Tree

_LARGE = 1 << 16
_XATTRS = ("user.", "trusted.", "security.capability")


class Outage:
    """One possible state: after which change the power went, and what came of what was not synced."""

    def __init__(self, point: int, change: str, how: str, tree: Tree, *, at_the_end: bool) -> None:
        self.point = point
        self.at_the_end = at_the_end
        self._text = f"the power goes after change {point} ({change}); {how}"
        self._tree = tree

    def __str__(self) -> str:
        return self._text

    def make(self, root: Path) -> Path:
        """Makes the tree at `root`, which is not there yet."""
        made: dict[int, Path] = {}
        for path, (number, node) in self._tree.items():
            place = root / path
            if number in made:
                os.link(made[number], place)
                continue
            if node.kind != "directory":
                made[number] = place
            _make(place, node)
        for path, (_, node) in reversed(self._tree.items()):  # a directory's own is changed by what is made in it
            os.utime(root / path, ns=(node.time, node.time), follow_symlinks=False)
        return root


class Recorder:
    """Watches the directory `root` and all beneath it while commands run, one after another; other programs let it be.

    `found` has the states that a power cut at any moment so far can leave, none of them twice.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = _Numbers(root)
        self._disk = Disk(self._numbers.snapshot())
        self._seen: set[object] = set()
        self.changes = 0
        self.found: list[Outage] = []

    def run(self, argv: Sequence[str | Path], env: Mapping[str, str], *, killed_at: int = 0) -> Outcome:
        """Runs a command to its end, or until its change of this number, where it is killed."""
        begun = 0

        def watch(stop: tracing.Stop) -> bool:
            nonlocal begun
            if stop.result is None:
                begun += 1
                return begun == killed_at
            if stop.result >= 0:
                self.changes += 1
                self._keep(self._change(stop))
            return False

        done = tracing.run(argv, env, watch)
        self._disk.change(self._numbers.snapshot())
        self._keep("that is all", at_the_end=done.status == 0)
        return done

    def _change(self, stop: tracing.Stop) -> str:
        """Takes in what a call did; its name, and the file for one that makes it sure."""
        if stop.name not in tracing.SYNCS:
            self._disk.change(self._numbers.snapshot())
            return stop.name
        if stop.name == "sync":
            self._disk.sync_all()
            return stop.name
        place = stop.descriptor(stop.args[0])
        if stop.name == "syncfs":
            if os.stat(place).st_dev == self._root.stat().st_dev:
                self._disk.sync_all()
        elif (number := self._numbers.of(os.stat(place))) is not None:
            self._disk.sync(number)
        return f"{stop.name} {os.readlink(place).removeprefix(f'{self._root}/')}"

    def _keep(self, change: str, *, at_the_end: bool = False) -> None:
        for how, tree in self._disk.outages():
            key = (at_the_end, frozenset((path, number, node.data) for path, (number, node) in tree.items()))
            if key not in self._seen:
                self._seen.add(key)
                self.found.append(Outage(self.changes, change, how, tree, at_the_end=at_the_end))


class _Numbers:
    """A number for each file, kept while it is there: the kernel gives an inode's number to another file after.

    What is mounted somewhere is not on this disk: a mount point is the empty directory that it was made as.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._device = root.stat().st_dev
        self._of: dict[tuple[int, int], int] = {}
        self._last = 0
        self._directories: dict[Path, tuple[int, Node]] = {}
        self._contents: dict[tuple[int, ...], bytes] = {}

    def of(self, found: os.stat_result) -> int | None:
        return self._of.get((found.st_dev, found.st_ino))

    def snapshot(self) -> dict[int, Node]:
        """Everything below the root as it is now."""
        there: dict[tuple[int, int], int] = {}
        nodes: dict[int, Node] = {}
        self._visit(self._root, 0, there, nodes)
        self._of = there
        return nodes

    def _visit(self, path: Path, number: int, there: dict[tuple[int, int], int], nodes: dict[int, Node]) -> None:
        about = path.lstat()
        there[about.st_dev, about.st_ino] = number
        if not stat.S_ISDIR(about.st_mode):
            nodes[number] = self._leaf(path, about)
            return
        entries = {}
        for name in sorted(os.listdir(path)):
            try:
                found = (path / name).lstat()
                if found.st_dev != self._device:
                    inner, nodes[inner] = self._directories[path / name]
                    entries[name] = inner
                    continue
                inner = self._number(found, there)
                if inner not in nodes:
                    self._visit(path / name, inner, there, nodes)
            except FileNotFoundError:  # another thread was faster
                continue
            entries[name] = inner
        nodes[number] = Node("directory", entries=entries, about=_attributes(path, about), time=about.st_mtime_ns)
        if not entries:
            self._directories[path] = number, nodes[number]

    def _number(self, found: os.stat_result, there: Mapping[tuple[int, int], int]) -> int:
        key = (found.st_dev, found.st_ino)
        for known in (there, self._of):
            if key in known:
                return known[key]
        self._last += 1
        return self._last

    def _leaf(self, path: Path, about: os.stat_result) -> Node:
        if stat.S_ISREG(about.st_mode):
            return Node("file", self._content(path, about), about=_attributes(path, about), time=about.st_mtime_ns)
        if stat.S_ISLNK(about.st_mode):
            return Node("link", about=os.readlink(path), time=about.st_mtime_ns)
        return Node("special", about=(about.st_mode, about.st_rdev), time=about.st_mtime_ns)

    def _content(self, path: Path, about: os.stat_result) -> bytes:
        """A large file is read again only when it can have changed since; a small one each time."""
        if about.st_size < _LARGE:
            return path.read_bytes()
        key = (about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        if key not in self._contents:
            self._contents[key] = path.read_bytes()
        return self._contents[key]


def _attributes(path: Path, about: os.stat_result) -> tuple[object, ...]:
    xattrs = [name for name in os.listxattr(path) if name.startswith(_XATTRS)]
    kept = tuple((name, os.getxattr(path, name)) for name in xattrs)
    return about.st_mode & 0o7777, about.st_uid, about.st_gid, kept


def _make(place: Path, node: Node) -> None:
    about: Any = node.about
    if node.kind == "link":
        place.symlink_to(about)
        return
    if node.kind == "special":
        os.mknod(place, *about)
        return
    if node.kind == "directory":
        place.mkdir()
    else:
        place.write_bytes(node.data)
    mode, uid, gid, xattrs = about
    os.chown(place, uid, gid)
    os.chmod(place, mode)
    for name, value in xattrs:
        os.setxattr(place, name, value)
