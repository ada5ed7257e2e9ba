"""store-prune, vol-prune, store-check and store-df on volumes: what has a name or is in use goes only when told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boxes import container_record
from commands import Commands

from ocipipe.host import mounts
from ocipipe.store.container import Container
from ocipipe.store.store import Store
from ocipipe.volume.mount import acquire

NOW = "--older-than=0s"


@pytest.fixture
def three(run: Commands, store_root: Path) -> dict[str, str]:
    """A volume with a name, one without, and one without that a container uses; by these words, their names."""
    found = {"named": "data"}
    run("vol-create", "--label", "keep=yes", "data")
    for word in ("free", "used"):
        found[word] = run("vol-create", "-q").out.decode().strip()
    used(store_root, found["used"])
    return found


def used(root: Path, *names: str, digit: str = "c") -> Container:
    container = Store(str(root)).containers.create(container_record(digit, list(names)))
    (Path(container.path) / "config.json").write_text("{}")
    container.release()
    return container


def gone(documents: list[dict[str, Any]], action: str = "delete") -> list[str]:
    return [one["object"]["id"] for one in documents if one["action"] == action and one["kind"] == "volume"]


def left(run: Commands) -> set[str]:
    return set(run("vol-ls", "-q").out.decode().split())


def test_what_goes(run: Commands, three: dict[str, str]) -> None:
    for command in (["vol-prune"], ["store-prune", NOW], ["vol-prune", NOW, "--filter", "label=keep"]):
        assert run(*command).documents == [], command
    for command in (["vol-prune", NOW], ["store-prune", "--volumes", NOW]):
        assert gone(run(*command, "--plan").documents) == [three["free"]]
    assert set(gone(run("vol-prune", "--all", NOW, "--plan").documents)) == {three["free"], "data"}
    assert gone(run("vol-prune", "--all", NOW, "--plan", "--filter", "label=keep").documents) == ["data"]
    (action,) = run("vol-prune", NOW).documents
    assert (action["object"]["id"], action["reasons"]) == (three["free"], [{"field": "used by", "to": "nothing"}])
    assert left(run) == {"data", three["used"]}
    run("vol-prune", "--all", NOW)
    assert left(run) == {three["used"]}


def test_images_stay(run: Commands, three: dict[str, str], store_root: Path) -> None:
    """vol-prune is about volumes alone."""
    blob = store_root / "images" / "blobs" / "sha256" / ("0" * 64)
    blob.write_text("x")
    os.utime(blob, (1, 1))
    assert {one["kind"] for one in run("vol-prune", "-a", NOW).documents} == {"volume"}
    assert blob.exists()


def test_plans(run: Commands, three: dict[str, str], store_root: Path) -> None:
    plan = run("vol-prune", "--all", NOW, "--plan").out
    used(store_root, "data", digit="d")
    done = run("store-prune", "--apply", "-", input=plan).documents
    assert (gone(done), gone(done, "skip")) == ([three["free"]], ["data"])
    assert "in use by container cd" in str(done)
    assert left(run) == {"data", three["used"]}
    again = run("vol-prune", "--apply", "-", input=plan).documents
    assert [one["reasons"][0]["to"] for one in again if one["object"]["id"] == three["free"]] == ["gone"]


def test_another_of_the_same_name_is_not_the_one_that_was_planned(run: Commands) -> None:
    run("vol-create", "data")
    plan = run("vol-prune", "--all", NOW, "--plan").out
    run("vol-rm", "data")
    run("vol-create", "--label", "other=", "data")
    (action,) = run("vol-prune", "--apply", "-", input=plan).documents
    assert (action["action"], action["reasons"][0]["to"]) == ("skip", "changed")
    assert left(run) == {"data"}


def test_with_containers_their_volumes(run: Commands, three: dict[str, str], store_root: Path) -> None:
    kinds = [one["kind"] for one in run("store-prune", "--containers", "--volumes", NOW).documents]
    assert kinds == ["container", "volume", "volume"]
    assert left(run) == {"data"}


def test_a_damaged_record_of_a_container_keeps_all(run: Commands, three: dict[str, str], store_root: Path) -> None:
    next(store_root.glob("containers/*/record.json")).write_text("{")
    done = run("vol-prune", "--all", NOW, status=1)
    assert (done.out, len(done.errors)) == (b"", 1)
    assert left(run) == set(three.values())


def test_usage(run: Commands, three: dict[str, str], store_root: Path) -> None:
    Path(store_root, "volumes/data/data/file").write_bytes(b"x" * 200_000)
    (row,) = [one for one in run("store-df").documents if one["kind"] == "volumes"]
    assert (row["count"], row["active"]) == (3, 1)
    assert 200_000 < row["reclaimable"] < row["bytes"] < 300_000
    each = {one["object"]["name"]: one for one in run("store-df", "-v").documents if one["kind"] == "volume"}
    assert {name: one["active"] for name, one in each.items()} == {"data": 0, three["free"]: 0, three["used"]: 1}


def errors(run: Commands) -> list[tuple[str, str, list[str]]]:
    done = run("store-check", status=None)
    return [
        (one["code"], one["object"]["path"], one["affects"]["containers"])
        for one in done.documents
        if one["object"].get("kind") in ("volume", "volume mount", "file")
    ]


def test_damage(run: Commands, store_root: Path) -> None:
    for name in ("whole", "bad", "lost", "empty"):
        run("vol-create", name)
    assert errors(run) == []
    base = store_root / "volumes"
    (base / "bad" / "record.json").write_text("{")
    (base / "lost" / "record.json").unlink()
    shutil.rmtree(base / "empty" / "data")
    (base / "x").mkdir()
    (base / "whole" / "odd").write_text("x")
    used(store_root, "bad", "none")
    assert sorted(errors(run)) == [
        ("STRAY", "volumes/whole/odd", []), ("STRAY", "volumes/x", []),
        ("VOLUME_DAMAGED", "volumes/empty", []), ("VOLUME_MISSING", "volumes/none", ["cc"]),
        ("VOLUME_RECORD_DAMAGED", "volumes/bad", ["cc"]), ("VOLUME_RECORD_MISSING", "volumes/lost", []),
    ]  # fmt: skip
    run.shell("store-check | img-pull --repair", status=None)
    assert "VOLUME_DAMAGED" not in str(errors(run))
    assert os.listdir(base / "empty" / "data") == []
    run("vol-rm", "--force", "lost")
    assert "lost" not in str(errors(run))


@pytest.fixture
def mounted(run: Commands, store_root: Path) -> Iterator[str]:
    """The place of a volume in memory that a killed command has left mounted."""
    run("vol-create", "--opt", "type=tmpfs", "scratch")
    used(store_root, "scratch")
    place = acquire(Store(str(store_root)), "scratch", {})
    yield place
    mounts.unmount_under(place)


def test_what_is_mounted_for_nobody(run: Commands, mounted: str) -> None:
    assert errors(run) == [("VOLUME_MOUNTED", "volumes/scratch/data", [])]
    plan = run("store-prune", "--plan").documents
    assert [(one["kind"], one["object"]["id"]) for one in plan] == [("volume mount", "scratch")]
    assert run("store-prune").documents == plan
    assert mounts.mounted_under(mounted) == []
    (skipped,) = run("store-prune", "--apply", "-", input=json.dumps(plan[0]).encode()).documents
    assert (skipped["action"], skipped["reasons"][0]["to"]) == ("skip", "gone, or in use")


def test_what_is_mounted_for_somebody(run: Commands, store_root: Path, mounted: str) -> None:
    path = next(store_root.glob("containers/*/record.json")).parent
    holder = subprocess.Popen(["flock", str(path), "sh", "-c", "echo; read _"], stdin=subprocess.PIPE, stdout=-1)
    assert holder.stdin
    assert holder.stdout
    holder.stdout.readline()
    assert errors(run) == []
    assert run("store-prune").documents == []
    assert mounts.mounted_under(mounted) == [mounted]
    holder.communicate(b"\n")
