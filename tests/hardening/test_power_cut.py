"""The power is cut at any moment of a command, and what was not synced may be lost: the store is whole all the same.

See support/power_cut.py for what a disk can do. What a command said it had done is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import archives
import pytest
from commands import Commands
from cuts import Cuts, names
from faulty_registry import FaultyRegistry
from images import Image, Layer, image, index
from tars import Tar

TARS = [
    Tar().dir("d").file("d/file", b"content").symlink("link", "d").bytes(),
    Tar().link("hard", "d/file").whiteout("link").file("new", b"n").bytes(),
]
LOWER, UPPER = map(Layer, TARS)
ONE, TWO = image([LOWER, UPPER]), image([LOWER])


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
