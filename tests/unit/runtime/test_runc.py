"""runtime/runc: begins and takes away what is as runc leaves it, and leaves everything else to runc."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocipipe.runtime import runc


@pytest.fixture
def ended() -> int:
    """The id of a process that was."""
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Someone who waits at a FIFO as a created container does."""
    os.mkfifo(tmp_path / runc.FIFO)
    with subprocess.Popen(["sh", "-c", 'printf 0 >"$0"; exec sleep 1000', tmp_path / runc.FIFO]) as child:
        yield child
        child.kill()


def test_begin(waiting: subprocess.Popen[bytes], tmp_path: Path) -> None:
    assert runc.begin(str(tmp_path), waiting.pid)
    assert list(tmp_path.iterdir()) == []
    assert not runc.begin(str(tmp_path), waiting.pid)  # it has begun
    assert waiting.poll() is None


def test_begin_of_one_that_has_ended(tmp_path: Path, ended: int) -> None:
    os.mkfifo(tmp_path / runc.FIFO)
    assert not runc.begin(str(tmp_path), ended)
    with subprocess.Popen(["sleep", "0.1"]) as ending:
        assert not runc.begin(str(tmp_path), ending.pid)
    assert (tmp_path / runc.FIFO).exists()


def state(place: Path, pid: int, **changes: Any) -> Path:
    """A directory with a state.json, and a cgroup that is gone and one that is there (directories here)."""
    directory, group = place / "state", place / "group"
    directory.mkdir()
    group.mkdir()
    found = {
        "init_process_pid": pid,
        "config": {"cgroups": {"Systemd": False}, "Hooks": {"poststop": None}},
        "cgroup_paths": {"cpu": str(place / "gone"), "pids": str(group)},
        "intel_rdt_path": "",
    }
    (directory / "state.json").write_text(json.dumps(found | changes))
    return directory


def test_delete(tmp_path: Path, ended: int) -> None:
    directory = state(tmp_path, ended)
    assert runc.delete(str(directory))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"init_process_pid": 1},
        {"config": {"cgroups": {"Systemd": True}, "Hooks": {}}},
        {"config": {"cgroups": {"Systemd": False}, "Hooks": {"poststop": [{"path": "/bin/true"}]}}},
        {"config": {"cgroups": {"Systemd": False}}},
        {"config": None},
        {"cgroup_paths": None},
        {"intel_rdt_path": "/sys/fs/resctrl/x"},
    ],
    ids=lambda changes: json.dumps(changes)[:40],
)
def test_what_runc_is_asked_to_delete(tmp_path: Path, ended: int, changes: dict[str, Any]) -> None:
    directory = state(tmp_path, ended, **changes)
    assert not runc.delete(str(directory))
    assert directory.exists()


def test_a_cgroup_with_something_in_it(tmp_path: Path, ended: int) -> None:
    directory = state(tmp_path, ended)
    (tmp_path / "group" / "below").mkdir()
    assert not runc.delete(str(directory))
    assert directory.exists()
    (directory / "state.json").write_text("{")
    assert not runc.delete(str(directory))
    (directory / "state.json").unlink()
    assert not runc.delete(str(directory))
