"""What a container is doing, seen through its record, its lock and its monitor."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ocipipe.runtime import state
from ocipipe.store.container import Container

ID = "ab" * 32


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """One that runs by its record, without a process; its run-time directory is below tmp_path/run."""
    path = tmp_path / ID
    (path / "exit").mkdir(parents=True)
    (path / "run.lock").touch()
    Path(run_directory(tmp_path)).mkdir(parents=True)
    return Container(str(path), {"id": ID, "name": "c", "status": "running", "exitCode": None})


def run_directory(tmp_path: Path) -> Path:
    return tmp_path / "run" / "containers" / ID


def ending_monitor(tmp_path: Path, script: str, word: str = ID) -> subprocess.Popen[bytes]:
    """Stands for conmon at its end, without the lock, which it has closed already."""
    argv = ["sh", "-c", script, "conmon", word]
    process = subprocess.Popen(argv, cwd=tmp_path / ID, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    (run_directory(tmp_path) / "monitor").write_text(str(process.pid))
    return process


def test_a_monitor_about_to_write_the_exit_status(container: Container, tmp_path: Path) -> None:
    with ending_monitor(tmp_path, "echo; sleep 0.3; echo 3 >exit/$1; read line") as process:
        found = state.observe(container, str(tmp_path / "run"), os.environ)
        assert (found.status, found.exit_code, found.monitor) == ("stopped", 3, process.pid)
        process.kill()
    found = state.observe(container, str(tmp_path / "run"), os.environ)
    assert (found.status, found.exit_code, found.monitor) == ("stopped", 3, 0)


def test_a_monitor_that_ends_without(container: Container, tmp_path: Path) -> None:
    with ending_monitor(tmp_path, "echo; sleep 0.3"):
        found = state.observe(container, str(tmp_path / "run"), os.environ)
    assert (found.status, found.exit_code, found.monitor) == ("stopped", None, 0)


def test_somebody_else_s_process_is_no_monitor(container: Container, tmp_path: Path) -> None:
    with ending_monitor(tmp_path, "echo; read line", word="another") as process:
        found = state.observe(container, str(tmp_path / "run"), os.environ)
        assert (found.status, found.exit_code, found.monitor) == ("stopped", None, 0)
        process.kill()
