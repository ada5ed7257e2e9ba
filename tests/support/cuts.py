"""The power cut at every moment of a command, on its store: what is seen of the store then, and the command again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import layout
from commands import Commands
from outages import Outage, Recorder

REF = "org.opencontainers.image.ref.name"
SOME, MANY = 3, 60
"""So many, evenly chosen, of what takes a command each, and of the states looked at; all with --every-point."""


def names(root: Path) -> frozenset[str]:
    path = root / "images" / "index.json"
    entries = json.loads(path.read_bytes())["manifests"] if path.exists() else []
    return frozenset(entry.get("annotations", {}).get(REF, "none") for entry in entries)


class Cuts:
    """What a power cut leaves of a store, `root`, while a command works on it.

    `cuts(argv, expected, after)` looks at every moment of a command: what is seen of the store is one of `expected`
    then, and `after` when it has ended. `cuts.after_a_kill(argv, after)` kills the command first, at one change after
    another, and looks at the end of the same command run again: what it counts on may have been left by the first.
    """

    def __init__(self, run: Commands, place: Path, every: bool) -> None:
        self.run = run
        self.every = every
        self.root = place / "disk" / "store"
        self.root.parent.mkdir()
        self._made = place / "made"

    def __call__(self, argv: Sequence[str], expected: set[frozenset[str]], after: frozenset[str]) -> None:
        recorder = Recorder(self.root.parent)
        done = recorder.run(self._on(self.root, argv), self.run.env)
        assert done.status == 0, done.err
        states = recorder.found[:: 1 if self.every else -(-len(recorder.found) // MANY)]
        again = set(self._some(len(states)))
        for number, outage in enumerate(states):
            with self._making(outage) as root:
                found = self.seen(root)
                assert found in ({after} if outage.at_the_end else expected), (found, str(outage))
                if number in again:
                    self.again(root, argv, outage, after)
        print(f"{len(states)} of {len(recorder.found)} states after {recorder.changes} changes, "
              f"the command run again in {len(again)}")  # fmt: skip
        assert len(recorder.found) > 10

    def after_a_kill(self, argv: Sequence[str], after: frozenset[str]) -> None:
        before = self._made.with_name("before")
        _copy(self.root.parent, before)
        whole = Recorder(self.root.parent)
        whole.run(self._on(self.root, argv), self.run.env)
        points = self._some(whole.changes)
        states = 0
        for point in points:
            shutil.rmtree(self.root.parent)
            _copy(before, self.root.parent)
            recorder = Recorder(self.root.parent)
            recorder.run(self._on(self.root, argv), self.run.env, killed_at=point + 1)
            done = recorder.run(self._on(self.root, argv), self.run.env)
            if argv[0] != "img-rm":
                assert done.status == 0, done.err
            for outage in recorder.found:
                if outage.at_the_end:
                    states += 1
                    with self._making(outage) as root:
                        assert self.seen(root) == after, (point, str(outage))
        print(f"{states} states at the end, after kills at {len(points)} of {whole.changes} changes")

    def seen(self, root: Path) -> frozenset[str]:
        """What of a store a command is about: the names of its images."""
        return names(root)

    def _on(self, root: Path, argv: Sequence[str]) -> list[str | Path]:
        return [self.run.bin / argv[0], "--root", root, *argv[1:]]

    def _some(self, count: int) -> range:
        return range(0, count, 1 if self.every else max(1, count // SOME))

    @contextmanager
    def _making(self, outage: Outage) -> Iterator[Path]:
        """The store that is left, which is whole."""
        root = outage.make(self._made) / "store"
        try:
            assert layout.problems(root) == [], outage
            yield root
        finally:
            shutil.rmtree(self._made)

    def again(self, root: Path, argv: Sequence[str], outage: Outage, after: frozenset[str]) -> None:
        """The same command succeeds, and what the cut has left is garbage at worst."""
        assert layout.errors(self.run, root) == [], outage
        done = self.run(argv[0], "--root", root, *argv[1:], status=None)
        gone = argv[0] == "img-rm" and done.status == 1 and done.errors[0]["code"] == "NOT_FOUND"
        assert done.status == 0 or gone, (str(outage), done.err)
        assert layout.problems(root) == [], outage
        assert self.seen(root) == after, outage
        self.run("store-prune", "--root", root, "--older-than=0s")
        assert self.run("store-check", "--root", root, "--deep", status=None).documents == [], outage


def _copy(source: Path, place: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(place)], check=True)
