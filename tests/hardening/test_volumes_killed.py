"""kill -9 at every change that the commands for volumes make: a volume is there, whole, or it is not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import boxes
import pytest
from commands import Commands
from images import Layer, image
from killing import Kills
from layer_trees import snapshot
from rootfs import busybox_tar
from tars import Tar
from tracing import CHANGES, PROCESSES

TREE = Tar().dir("./", mode=0o750).dir("d").file("d/f", b"hello\n", mode=0o4711, uid=5, xattrs={"user.k": b"v"})
TREE.link("hard", "d/f").symlink("out", "/etc").file("last", b"x" * 10_000)


class Places:
    """A store for each run, with a volume `full`, an empty one and the files of `full` for comparison."""

    def __init__(self, run: Commands, base: Path) -> None:
        self.run = run
        self.template = base / "template"
        run("vol-import", "--root", self.template, "full", input=TREE.bytes())
        run("vol-create", "--root", self.template, "empty")
        self.wanted = snapshot(self.template / "volumes" / "full" / "data")

    def make(self, number: int) -> Path:
        subprocess.run(["cp", "-a", str(self.template), str(self.at(number))], check=True)
        return self.at(number)

    def at(self, number: int) -> Path:
        return self.template.with_name(f"copy-{number}")

    def volumes(self, number: int) -> dict[str, bool]:
        """Each volume that is there, and whether it has the files, all of them; else it has none."""
        found = {}
        for one in self.run("vol-ls", "--root", self.at(number)).documents:
            files = snapshot(one["mountpoint"])
            files[b""].mtime = self.wanted[b""].mtime
            found[one["name"]] = full = files == self.wanted
            assert full or os.listdir(one["mountpoint"]) == [], f"{one['name']} is half filled"
        return found

    def done(self, number: int) -> None:
        """Nothing is left that a prune does not take."""
        root = self.at(number)
        self.run("store-prune", "--root", root, "--older-than=0s")
        assert self.run("store-check", "--root", root).documents == []
        assert sorted(path.name for path in root.glob("volumes/*/*")) == sorted(
            ["data", "record.json"] * len(os.listdir(root / "volumes"))
        )
        subprocess.run(["rm", "-rf", str(root)], check=True)


@pytest.fixture
def places(run: Commands, tmp_path: Path) -> Places:
    return Places(run, tmp_path)


def test_create(kills: Kills, run: Commands, places: Places) -> None:
    def create(number: int) -> list[str | Path]:
        return [run.bin / "vol-create", "--root", places.make(number), "new"]

    def after(number: int) -> None:
        assert places.volumes(number) in ({"full": True, "empty": False}, {"full": True, "empty": False, "new": False})
        run("vol-create", "--root", places.at(number), "new")
        assert places.volumes(number) == {"full": True, "empty": False, "new": False}
        places.done(number)

    assert kills(create, after) > 2


def test_rm(kills: Kills, run: Commands, places: Places) -> None:
    def remove(number: int) -> list[str | Path]:
        return [run.bin / "vol-rm", "--root", places.make(number), "full"]

    def after(number: int) -> None:
        assert places.volumes(number) in ({"full": True, "empty": False}, {"empty": False})
        run("vol-rm", "--root", places.at(number), "--force", "full")
        assert places.volumes(number) == {"empty": False}
        places.done(number)

    assert kills(remove, after) > 2


@pytest.mark.parametrize("name", ["new", "empty"])
def test_import(kills: Kills, run: Commands, places: Places, name: str) -> None:
    """Into a new volume, and into one that is there: where files were on their way into it, the next command that
    takes it brings the rest."""

    def fill(number: int) -> list[str | Path]:
        return [run.bin / "vol-import", "--root", places.make(number), name]

    def after(number: int) -> None:
        root = places.at(number)
        if (root / "volumes" / name).exists():
            run("vol-export", "--root", root, name)
        before = places.volumes(number)
        assert before in (
            {"full": True, "empty": False}, {"full": True, name: True}, {"full": True, "empty": False, "new": True},
        )  # fmt: skip
        run("vol-import", "--root", root, name, input=TREE.bytes(), status=1 if before.get(name) else 0)
        assert places.volumes(number)[name]
        places.done(number)

    assert kills(fill, after, input=TREE.bytes()) > 2


def test_clone(kills: Kills, run: Commands, places: Places) -> None:
    """Also while cp is at work, which lives on for a moment: nobody takes its work from under it."""

    def clone(number: int) -> list[str | Path]:
        return [run.bin / "vol-clone", "--root", places.make(number), "full", "new"]

    def after(number: int) -> None:
        before = places.volumes(number)
        assert before in ({"full": True, "empty": False}, {"full": True, "empty": False, "new": True})
        run("vol-clone", "--root", places.at(number), "full", "new", status=1 if "new" in before else 0)
        assert places.volumes(number)["new"]
        places.done(number)

    assert kills(clone, after, calls=CHANGES | PROCESSES) > 2


@pytest.mark.parametrize("kind", ["plain", "memory"])
def test_copy_up(kills: Kills, run: Commands, tmp_path: Path, store_root: Path, kind: str) -> None:
    """A container killed while it is made: its volume is empty, or whole, or the next container makes it whole."""
    content = Tar().dir("srv").dir("srv/data", mode=0o750, uid=7)
    for number in range(5):
        content.file(f"srv/data/{number}", b"x" * 1000, uid=5, xattrs={"user.k": b"v"})
    made = image([Layer(busybox_tar()), Layer(content.bytes())], {"Cmd": ["ls"]})
    made.into_store(store_root, boxes.NAME)
    run("ctr-run", "--rm", "busybox", "true")
    arguments = ["-v", "data:/srv/data", "busybox", "ls", "/srv/data"]

    def create(number: int) -> list[str | Path]:
        run("vol-rm", "--force", "data")
        if kind == "memory":
            run("vol-create", "--opt", "type=tmpfs", "data")
        return [run.bin / "ctr-create", "--name", f"c{number}", *arguments]

    def after(number: int) -> None:
        assert run("ctr-run", "--rm", *arguments).out == b"0\n1\n2\n3\n4\n"
        run("ctr-rm", "--force", f"c{number}")
        assert run("vol-inspect", "data").documents[0]["containers"] == []
        run("store-prune", "--older-than=0s")
        assert run("store-check").documents == []
        assert sorted(os.listdir(store_root / "volumes" / "data")) == ["data", "record.json"]
        assert os.listdir(store_root / "volumes") == ["data"]

    assert kills(create, after) > 2
