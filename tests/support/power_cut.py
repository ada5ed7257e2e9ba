"""A disk when the power is cut: what of its files can be there afterwards, when only what was synced is sure to be.

The model is what POSIX promises and no more, so it is harder than any file system of today. What a file holds is sure
once the file was synced; before, its new content may be there or not, or be zeros. An entry of a directory (made,
replaced, removed) is sure once the directory was synced; before, each may be there or not, whatever became of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Node:
    """A file (`data` is its content), a directory (`entries`: name -> number of a node) or anything else.

    `about` is whatever else there is to keep of it: mode and owner, attributes, what a link says. `time` is that of its
    last change.
    """

    kind: str
    data: bytes = b""
    entries: Mapping[str, int] = field(default_factory=dict)
    about: object = None
    time: int = 0


Nodes = Mapping[int, Node]
Tree = dict[str, tuple[int, Node]]
"""Path -> number and node, directories before what is in them; two paths of one number are one file."""


class Disk:
    """A directory tree in time: nodes by number, which a node keeps when it is renamed; 0 is the tree's root."""

    def __init__(self, nodes: Nodes) -> None:
        self._sure = dict(nodes)
        self._now = dict(nodes)
        self._known = dict(nodes)

    def change(self, nodes: Nodes) -> None:
        """The tree is like this now."""
        self._now = dict(nodes)
        self._known.update(nodes)

    def sync(self, number: int) -> None:
        """A file or directory was synced: all that it holds is sure, but not what its entries stand for."""
        if number in self._now:
            self._sure[number] = self._now[number]

    def sync_all(self) -> None:
        self._sure.update(self._now)

    def outages(self) -> Iterator[tuple[str, Tree]]:
        """What may be there if the power is cut now: how that came about, and the tree; none of them twice.

        Of the entries that are not sure, none has made it to the disk, or all, or just one, or all but one; of the
        contents none, or all, or they are zeros.
        """
        entries = list(self._unsure_entries())
        some = [frozenset[tuple[int, str]](), frozenset(entries)]
        some += [frozenset([one]) for one in entries] + [frozenset(entries) - {one} for one in entries]
        seen = set()
        for made in dict.fromkeys(some):
            for content in ("lost", "kept", "zeros"):
                tree = self._tree(made, content)
                key = _key(tree)
                if key not in seen:
                    seen.add(key)
                    names = ", ".join(sorted(name for _, name in made))
                    yield f"content that was not synced is {content}; entries that made it: {names or 'none'}", tree

    def _unsure_entries(self) -> Iterator[tuple[int, str]]:
        for number in {**self._sure, **self._now}:
            node = self._known[number]  # a removed directory is as it was at last: that it is gone may not be sure
            sure = self._sure_entries(number)
            for name in sorted({*node.entries, *sure}):
                if node.entries.get(name) != sure.get(name):
                    yield number, name

    def _sure_entries(self, number: int) -> Mapping[str, int]:
        return self._sure[number].entries if number in self._sure else {}

    def _tree(self, made: frozenset[tuple[int, str]], content: str) -> Tree:
        found: Tree = {}
        waiting = [("", 0)]
        while waiting:
            path, number = waiting.pop()
            node = self._known[number]
            if node.kind == "directory":
                entries = dict(self._sure_entries(number))
                for directory, name in made:
                    if directory == number:
                        entries.pop(name, None)
                        if name in node.entries:
                            entries[name] = node.entries[name]
                node = replace(node, entries=entries)
                waiting += [(f"{path}/{name}" if path else name, inner) for name, inner in sorted(entries.items())]
            elif node.kind == "file":
                node = replace(node, data=self._content(number, node, content))
            found[path] = (number, node)
        return found

    def _content(self, number: int, node: Node, content: str) -> bytes:
        sure = self._sure[number].data if number in self._sure else b""
        if content == "kept" or sure == node.data:
            return node.data
        return sure if content == "lost" else bytes(len(node.data))


def _key(tree: Tree) -> frozenset[tuple[str, int, bytes]]:
    return frozenset((path, number, node.data) for path, (number, node) in tree.items())
