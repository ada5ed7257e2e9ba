"""kill -9 at every change that img-tag, img-rm and img-push make: nothing is half done for those who come after."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry
from images import Layer, image, index
from killing import Kills
from tars import Tar
from tracing import CHANGES, NETWORK

BASE, ONE, TWO = (Layer(Tar().file(name, name.encode() * 99).bytes()) for name in ("base", "one", "two"))
REF = "org.opencontainers.image.ref.name"


@pytest.fixture
def template(run: Commands, tmp_path: Path) -> Path:
    """A store with two images that share a layer, unpacked, and an index."""
    root = tmp_path / "template"
    one, two = image([BASE, ONE]), image([BASE, TWO])
    for name, made in (("one", one), ("two", two), ("both", index(one, image([TWO], on="linux/s390x")))):
        made.into_store(root, f"localhost/{name}:1")
        run("img-pull", "--root", root, "--policy", "missing", f"localhost/{name}:1")
    return root


class Copies:
    """A copy of the template for each run."""

    def __init__(self, run: Commands, template: Path) -> None:
        self.run = run
        self.template = template

    def make(self, number: int) -> Path:
        root = self.at(number)
        subprocess.run(["cp", "-a", str(self.template), str(root)], check=True)
        return root

    def at(self, number: int) -> Path:
        return self.template.with_name(f"copy-{number}")

    def names(self, number: int) -> set[str | None]:
        """Every image's names, once the store is known to be whole."""
        root = self.at(number)
        assert layout.problems(root) == []
        assert layout.errors(self.run, root) == []
        return {entry["annotations"].get(REF) for entry in self.run("img-ls", "--root", root).documents}

    def done(self, number: int) -> None:
        """Nothing is left that a prune does not take."""
        root = self.at(number)
        self.run("store-prune", "--root", root, "--older-than=0s")
        assert self.run("store-check", "--root", root, "--deep").documents == []
        subprocess.run(["rm", "-rf", str(root)], check=True)


@pytest.fixture
def copies(run: Commands, template: Path) -> Copies:
    return Copies(run, template)


@pytest.mark.parametrize("name", ["localhost/new:1", "localhost/two:1"], ids=["new", "moved"])
def test_tag(kills: Kills, run: Commands, copies: Copies, name: str) -> None:
    before = {f"localhost/{word}:1" for word in ("one", "two", "both")}

    def tag(number: int) -> list[str | Path]:
        return [run.bin / "img-tag", "--root", copies.make(number), "localhost/one:1", name]

    def after(number: int) -> None:
        assert copies.names(number) - {name, None} == before - {name}
        run("img-tag", "--root", copies.at(number), "localhost/one:1", name)
        assert copies.names(number) - {None} == before | {name}
        copies.done(number)

    assert kills(tag, after) > 2


@pytest.mark.parametrize("name", ["one", "both", "two"])
def test_rm(kills: Kills, run: Commands, copies: Copies, name: str) -> None:
    before = {f"localhost/{word}:1" for word in ("one", "two", "both")}
    gone = f"localhost/{name}:1"

    def remove(number: int) -> list[str | Path]:
        return [run.bin / "img-rm", "--root", copies.make(number), gone]

    def after(number: int) -> None:
        left = copies.names(number)
        assert left in (before, before - {gone})
        done = run("img-rm", "--root", copies.at(number), gone, status=0 if gone in left else 1)
        assert gone in left or done.errors[0]["code"] == "NOT_FOUND"
        assert copies.names(number) == before - {gone}
        copies.done(number)

    assert kills(remove, after) > 2


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


def dangling(registry: FaultyRegistry) -> list[str]:
    """What manifests and indexes name that the registry does not have."""
    found = []
    for digest in registry.types:
        document = json.loads(registry.blobs[digest])
        parts = document["manifests"] if "manifests" in document else [document["config"], *document["layers"]]
        found += [part["digest"] for part in parts if part["digest"] not in registry.blobs]
    return found


@pytest.mark.parametrize("options", [[], ["--all-platforms"], ["--force-compression", "zstd"]])
def test_push(kills: Kills, run: Commands, copies: Copies, registry: FaultyRegistry, options: list[str]) -> None:
    """Whatever has been sent, the registry has no manifest without its content."""
    source = "localhost/both:1" if "--all-platforms" in options else "localhost/one:1"
    pushed: set[str] = set()

    def push(number: int) -> list[str | Path]:
        for held in (registry.blobs, registry.types, registry.tags, registry.uploads):
            held.clear()
        return [run.bin / "img-push", "--root", copies.make(number), *options, source, f"{registry.address}/to:1"]

    def after(number: int) -> None:
        assert dangling(registry) == []
        before = copies.names(number)
        run("img-push", "--root", copies.at(number), *options, source, f"{registry.address}/to:1")
        assert dangling(registry) == []
        pushed.add(registry.tags["1"])
        assert copies.names(number) == before
        copies.done(number)

    assert kills(push, after, calls=CHANGES | NETWORK) > 2
    assert len(pushed) == 1
