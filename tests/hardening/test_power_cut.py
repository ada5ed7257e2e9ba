"""The power is cut at any moment of a command, and what was not synced may be lost: the store is whole all the same.

See support/power_cut.py for what a disk can do. What a command said it had done is done.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import archives
import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry
from images import Image, Layer, image, index
from outages import Outage, Recorder
from tars import Tar

TARS = [
    Tar().dir("d").file("d/file", b"content").symlink("link", "d").bytes(),
    Tar().link("hard", "d/file").whiteout("link").file("new", b"n").bytes(),
]
LOWER, UPPER = map(Layer, TARS)
ONE, TWO = image([LOWER, UPPER]), image([LOWER])
REF = "org.opencontainers.image.ref.name"
SOME = 8
"""So many, evenly chosen, of what takes a command each; all of them with --every-point."""


class Cuts:
    """What a power cut leaves of a store, `root`, while a command works on it.

    `cuts(argv, names, after)` looks at every moment of a command: its names are one of `names` then, and `after` when
    it has ended. `cuts.after_a_kill(argv, after)` kills the command first, at one change after another, and looks at
    the end of the same command run again: what it counts on may have been left by the first.
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
        again = set(self._some(len(recorder.found)))
        for number, outage in enumerate(recorder.found):
            with self._making(outage) as root:
                assert names(root) in ({after} if outage.at_the_end else expected), outage
                if number in again:
                    self._again(root, argv, outage, after)
        print(f"{len(recorder.found)} states after {recorder.changes} changes, the command run again in {len(again)}")
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
                        assert names(root) == after, (point, str(outage))
        print(f"{states} states at the end, after kills at {len(points)} of {whole.changes} changes")

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

    def _again(self, root: Path, argv: Sequence[str], outage: Outage, after: frozenset[str]) -> None:
        """The same command succeeds, and what the cut has left is garbage at worst."""
        assert layout.errors(self.run, root) == [], outage
        done = self.run(argv[0], "--root", root, *argv[1:], status=None)
        gone = argv[0] == "img-rm" and done.status == 1 and done.errors[0]["code"] == "NOT_FOUND"
        assert done.status == 0 or gone, (str(outage), done.err)
        assert layout.problems(root) == [], outage
        assert names(root) == after, outage
        self.run("store-prune", "--root", root, "--older-than=0s")
        assert self.run("store-check", "--root", root, "--deep", status=None).documents == [], outage


def _copy(source: Path, place: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(place)], check=True)


def names(root: Path) -> frozenset[str]:
    path = root / "images" / "index.json"
    entries = json.loads(path.read_bytes())["manifests"] if path.exists() else []
    return frozenset(entry.get("annotations", {}).get(REF, "none") for entry in entries)


@pytest.fixture
def cuts(run: Commands, tmp_path: Path, request: pytest.FixtureRequest) -> Cuts:
    return Cuts(run, tmp_path, request.config.getoption("--every-point"))


@pytest.fixture
def near() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


@pytest.mark.parametrize(
    ("options", "made"),
    [(["--jobs", "1"], ONE), ([], ONE), (["--no-unpack"], TWO), (["--all-platforms"], index(TWO))],
    ids=["one after another", "side by side", "not unpacked", "index"],
)
def test_pull(cuts: Cuts, near: FaultyRegistry, options: list[str], made: Image) -> None:
    name = near.hold(made)
    cuts(["img-pull", *options, name], {frozenset(), frozenset([name])}, frozenset([name]))


@pytest.mark.parametrize("options", [[], ["--no-unpack"]])
def test_pull_that_goes_on_after_a_killed_one(cuts: Cuts, near: FaultyRegistry, options: list[str]) -> None:
    name = near.hold(ONE)
    cuts.after_a_kill(["img-pull", *options, name], frozenset([name]))


@pytest.mark.parametrize("form", ["oci", "docker"])
def test_load(cuts: Cuts, form: str, tmp_path: Path) -> None:
    name = "docker.io/library/cut:1"
    files = archives.oci_files((ONE, name)) if form == "oci" else archives.docker_files(ONE, [name], TARS)
    path = archives.write(tmp_path / "a.tar", archives.tar(files))
    cuts(["img-load", "-i", str(path)], {frozenset(), frozenset([name])}, frozenset([name]))


def test_load_that_goes_on_after_a_killed_one(cuts: Cuts, tmp_path: Path) -> None:
    name = "docker.io/library/cut:1"
    path = archives.write(tmp_path / "a.tar", archives.tar(archives.oci_files((ONE, name))))
    cuts.after_a_kill(["img-load", "-i", str(path)], frozenset([name]))


@pytest.fixture
def filled(cuts: Cuts, run: Commands) -> frozenset[str]:
    """The names of a store with three images that share layers."""
    for name, made in (("one", ONE), ("two", TWO), ("both", index(ONE, image([UPPER], on="linux/s390x")))):
        made.into_store(cuts.root, f"localhost/{name}:1")
        run("img-pull", "--root", cuts.root, "--policy", "missing", f"localhost/{name}:1")
    return names(cuts.root)


@pytest.mark.parametrize("name", ["localhost/new:1", "localhost/two:1"], ids=["new", "moved"])
def test_tag(cuts: Cuts, filled: frozenset[str], name: str) -> None:
    after = filled | {name, *(["none"] if name in filled else [])}
    cuts(["img-tag", "localhost/one:1", name], {filled, after}, after)


@pytest.mark.parametrize("name", ["one", "two", "both"])
def test_rm(cuts: Cuts, filled: frozenset[str], name: str) -> None:
    gone = f"localhost/{name}:1"
    cuts(["img-rm", gone], {filled, filled - {gone}}, filled - {gone})


def test_rm_that_goes_on_after_a_killed_one(cuts: Cuts, filled: frozenset[str]) -> None:
    cuts.after_a_kill(["img-rm", "localhost/two:1"], filled - {"localhost/two:1"})


@pytest.fixture
def dangling(cuts: Cuts, run: Commands, filled: frozenset[str]) -> frozenset[str]:
    """The same names, of which two was moved: its former image has none any more, and its own layers nobody needs."""
    image([LOWER, Layer(Tar().file("own", b"own").bytes())]).into_store(cuts.root, "localhost/two:1")
    run("img-pull", "--root", cuts.root, "--policy", "missing", "localhost/two:1")
    run("img-tag", "--root", cuts.root, "localhost/one:1", "localhost/two:1")
    assert names(cuts.root) == filled | {"none"}
    return filled


def test_prune(cuts: Cuts, dangling: frozenset[str]) -> None:
    cuts(["store-prune", "--older-than=0s"], {dangling, dangling | {"none"}}, dangling)


def test_prune_that_goes_on_after_a_killed_one(cuts: Cuts, dangling: frozenset[str]) -> None:
    cuts.after_a_kill(["store-prune", "--older-than=0s"], dangling)
