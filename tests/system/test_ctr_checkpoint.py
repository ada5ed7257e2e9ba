"""ctr-checkpoint and ctr-restore: with criu where it can, and what is said where it cannot."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import criu
import pytest
from lives import CODE, Lives, cgroups

COUNTS = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"
MARK = "org.ocipipe.checkpoint"


@pytest.fixture(scope="module")
def criu_works(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether criu, asked by itself, can write down a process of this kernel."""
    return criu.works(tmp_path_factory.mktemp("images"))


@pytest.fixture
def counting(lives: Lives, criu_works: bool) -> dict[str, Any]:
    """A container that counts aloud, and that criu can write down."""
    if not criu_works:
        pytest.skip("criu cannot write down processes of this kernel")
    found = lives.detached("--name", "counts", "--runtime", "runc", "--", "sh", "-c", COUNTS)
    lives.until(lambda: said(lives))
    return found


def said(lives: Lives) -> list[int]:
    return [int(line) for line in lives("ctr-logs", "counts").out.split()]


def directory(lives: Lives, found: dict[str, Any]) -> Path:
    return lives.root / "containers" / str(found["id"])


@pytest.mark.smoke
def test_it_goes_on_where_it_was(lives: Lives, counting: dict[str, Any]) -> None:
    (ended,) = lives("ctr-checkpoint", "counts").documents
    assert (ended["status"], ended["annotations"][CODE]) == ("stopped", "137")
    assert MARK in ended["annotations"]
    assert cgroups(ended["id"]) == []
    last = said(lives)[-1]
    (again,) = lives("ctr-restore", "counts").documents
    assert (again["id"], again["status"]) == (counting["id"], "running")
    assert MARK not in again["annotations"]
    lives.until(lambda: said(lives)[-1] > last + 3)
    numbers = said(lives)
    assert numbers == list(range(1, len(numbers) + 1))  # none is missing, none came twice
    assert not (directory(lives, again) / "checkpoint").exists()
    (stopped,) = lives("ctr-stop", "-t", "0", "counts").documents
    assert stopped["annotations"][CODE] == "137"
    assert "counts: has no checkpoint" in lives.refused("ctr-restore", "counts")


def test_the_original_goes_on_too(lives: Lives, counting: dict[str, Any]) -> None:
    (found,) = lives("ctr-checkpoint", "--leave-running", "counts").documents
    assert (found["status"], found["pid"]) == ("running", counting["pid"])
    last = said(lives)[-1]
    lives.until(lambda: said(lives)[-1] > last)
    assert lives.refused("ctr-restore", "counts") == "counts: is running (ctr-stop it first)"
    lives("ctr-kill", "counts")
    for _ in range(2):
        lives("ctr-restore", "--keep", "counts")
        assert lives.status("counts") == "running"
        lives("ctr-kill", "counts")


def test_its_policy_does_not_bring_it_back(lives: Lives, counting: dict[str, Any]) -> None:
    lives("ctr-update", "--restart", "always", "counts")
    lives("ctr-checkpoint", "counts")
    assert lives.status("counts") == "stopped"
    (again,) = lives("ctr-restore", "counts").documents
    os.kill(again["pid"], signal.SIGKILL)
    lives.until(lambda: lives.all()["counts"]["annotations"].get("org.ocipipe.restart-count") == "1")


def test_what_criu_cannot(lives: Lives, criu_works: bool) -> None:
    """The container goes on, and criu's own words are told."""
    if shutil.which("criu") is None:
        pytest.skip("criu is not installed")
    if criu_works:
        pytest.skip("criu can, on this kernel")
    found = lives.detached("--name", "x", "--runtime", "runc", "--restart", "always")
    message = lives.refused("ctr-checkpoint", "x")
    assert message.startswith("x: runc cannot write its state down: ")
    assert "without a word" not in message
    assert "ended with status" not in message
    assert lives.all()["x"] == found
    assert not list(directory(lives, found).glob("checkpoint*"))
    os.kill(found["pid"], signal.SIGKILL)  # its policy is what it was
    lives.until(lambda: lives.all()["x"]["annotations"].get("org.ocipipe.restart-count") == "1")


@pytest.fixture
def without_criu(lives: Lives, tmp_path: Path) -> Iterator[None]:
    """Where criu is, nobody may execute it."""
    place = shutil.which("criu")
    cover = tmp_path / "nothing"
    cover.touch(0o644)
    if place:
        subprocess.run(["mount", "--bind", cover, place], check=True)
    yield
    if place:
        subprocess.run(["umount", place], check=True)


@pytest.mark.usefixtures("without_criu")
def test_without_criu(lives: Lives) -> None:
    lives("ctr-create", "--name", "x", "busybox", "true")
    for command in ("ctr-checkpoint", "ctr-restore"):
        assert lives.refused(command, "x").startswith("criu: is not installed")
        assert "install the package criu" in lives.refused(command, "x")


def test_refusals(lives: Lives) -> None:
    if shutil.which("criu") is None:
        pytest.skip("criu is not installed")
    lives("ctr-create", "--name", "made", "busybox", "true")
    lives.detached("--name", "goes", "--rm")
    lives.detached("--name", "frozen")
    lives("ctr-pause", "frozen")
    before = lives.all()
    for argv, words in (
        (["ctr-checkpoint", "none"], "none: no such container"),
        (["ctr-checkpoint", "made"], "made: is created (only a running container has a state to write down)"),
        (["ctr-checkpoint", "frozen"], "frozen: is paused (only a running container has a state to write down)"),
        (["ctr-checkpoint", "goes"], "goes: is removed at its end, and its checkpoint with it (add --leave-running)"),
        (["ctr-restore", "made"], "made: has no checkpoint (ctr-checkpoint makes one, ctr-start starts it anew)"),
        (["ctr-restore", "goes"], "goes: is running (ctr-stop it first)"),
    ):
        assert lives.refused(*argv).startswith(words)
    assert lives.all() == before
