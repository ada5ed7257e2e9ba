"""kill -9 at every change that a pull makes: the store stays whole, and the next pull goes on and succeeds."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry
from images import Image, Layer, image, index
from killing import Kills
from registry import DockerRegistry
from tars import Tar

LOWER = Tar().dir("d").file("d/file", b"content").symlink("link", "d").bytes()
UPPER = Tar().link("hard", "d/file").char("null", 1, 3).whiteout("link").file("new", b"n").bytes()
"""One of each thing that a layer can hold, so that the sweep has few points and leaves none out."""


@pytest.fixture
def near() -> Iterator[FaultyRegistry]:
    """A registry that answers quickly."""
    with FaultyRegistry() as running:
        yield running


@pytest.mark.parametrize(
    ("options", "made"),
    [
        (["--jobs", "1"], image([Layer(LOWER), Layer(UPPER)])),
        ([], image([Layer(LOWER, "zstd"), Layer(UPPER), Layer(LOWER)])),
        (["--no-unpack"], image([Layer(LOWER)])),
        (["--all-platforms"], index(image([Layer(LOWER)]), image([Layer(UPPER)], on="linux/s390x"))),
    ],
    ids=["one after another", "side by side", "not unpacked", "all platforms"],
)
def test_at_every_change(
    kills: Kills, run: Commands, near: FaultyRegistry, tmp_path: Path, options: list[str], made: Image
) -> None:
    name = near.hold(made)

    def pull(number: int) -> list[str | Path]:
        return [run.bin / "img-pull", "--root", tmp_path / str(number), *options, name]

    def after(number: int) -> None:
        root = tmp_path / str(number)
        assert layout.problems(root) == []
        assert layout.errors(run, root) == []
        (pulled,) = run("img-pull", "--root", root, *options, name).documents
        assert pulled["digest"] == made.digest
        assert layout.problems(root) == []
        assert layout.unfinished(root / "partial") == [], "nothing is left half-way when it has been finished"
        run("store-prune", "--root", root, "--older-than=0s")
        assert run("store-check", "--root", root, "--deep").documents == []
        subprocess.run(["rm", "-rf", str(root)], check=True)

    assert kills(pull, after) > 2


@pytest.fixture
def reference(registry: DockerRegistry, busybox_image: Image) -> str:
    busybox_image.push(registry.address, "killed/busybox", "latest")
    return f"{registry.address}/killed/busybox:latest"


def test_eight_pulls_at_once_share_the_work(run: Commands, store_root: Path, reference: str) -> None:
    pulls = [
        subprocess.Popen([str(run.bin / "img-pull"), reference], env=run.env, stdout=subprocess.PIPE) for _ in range(8)
    ]
    outputs = {pull.communicate(timeout=120)[0] for pull in pulls}
    assert [pull.returncode for pull in pulls] == [0] * 8
    assert len(outputs) == 1
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []
