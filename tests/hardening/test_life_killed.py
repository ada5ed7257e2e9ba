"""kill -9 at every change of the commands that make, start, stop and remove containers, and of the monitor's call: what
is left is told truly, can be started or removed, and takes nothing of the host along."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import layout
import pytest
from killing import Kills
from lives import CODE, Lives, cgroups
from tracing import CHANGES, PROCESSES

MOMENTS = CHANGES | PROCESSES


@pytest.fixture(autouse=True)
def _unpacked(lives: Lives) -> None:
    lives("ctr-run", "--rm", "busybox", "true")


def whole(lives: Lives) -> None:
    """The store has nothing but garbage to complain of."""
    assert layout.errors(lives.run, lives.root) == []


def removed(lives: Lives) -> None:
    """Everything can be removed, and then nothing is left, of the host neither."""
    ids = [one["id"] for one in lives.all().values()]
    for container_id in ids:
        lives("ctr-rm", "--force", container_id)
    lives("ctr-run", "--rm", "busybox", "true")  # takes away what never became whole
    lives.until(lambda: lives.left() == [])
    assert [place for container_id in ids for place in cgroups(container_id)] == []


def test_create(kills: Kills, lives: Lives) -> None:
    def command(number: int) -> list[str | Path]:
        return [lives.run.bin / "ctr-create", "--name", "same", "busybox", "true"]

    def after(number: int) -> None:
        whole(lives)
        if lives.all().get("same"):
            lives("ctr-rm", "--force", "same")
        lives("ctr-create", "--name", "same", "busybox", "true")
        assert lives.run.shell("ctr-start same | ctr-wait").documents[0]["annotations"][CODE] == "0"
        removed(lives)

    assert kills(command, after, calls=MOMENTS) > 2


def test_run_in_the_background(kills: Kills, lives: Lives) -> None:
    def command(number: int) -> list[str | Path]:
        return [lives.run.bin / "ctr-run", "-d", "--name", "same", "busybox", "sleep", "1000"]

    def after(number: int) -> None:
        whole(lives)
        assert set(lives.all()) <= {"same"}
        assert lives.status("same") in ("created", "running", "gone", "stopped")
        lives("ctr-run", "-d", "--replace", "--name", "same", "busybox", "sleep", "1000")
        assert lives.status("same") == "running"
        removed(lives)

    assert kills(command, after, calls=MOMENTS) > 2


def test_start(kills: Kills, lives: Lives) -> None:
    def command(number: int) -> list[str | Path]:
        lives("ctr-create", "--name", f"n{number}", "busybox", "sleep", "1000")
        return [lives.run.bin / "ctr-start", f"n{number}"]

    def after(number: int) -> None:
        whole(lives)
        assert lives.status(f"n{number}") in ("created", "running", "stopped")
        lives("ctr-start", f"n{number}")
        assert lives.status(f"n{number}") == "running"
        removed(lives)

    assert kills(command, after, calls=MOMENTS) > 2


@pytest.mark.parametrize("argv", [["ctr-stop", "-t", "0"], ["ctr-rm", "-f"], ["ctr-kill"]], ids=lambda argv: argv[0])
def test_its_end(kills: Kills, lives: Lives, argv: list[str]) -> None:
    def command(number: int) -> list[str | Path]:
        lives.detached("--name", f"n{number}")
        return [lives.run.bin / argv[0], *argv[1:], f"n{number}"]

    def after(number: int) -> None:
        whole(lives)
        found = lives.all().get(f"n{number}")
        if found is None:
            assert argv[0] == "ctr-rm"
        elif found["status"] == "stopped":
            assert found["annotations"][CODE] == "137"
        else:
            assert found["status"] == "running"
        lives(*argv, f"n{number}", status=None)
        assert lives.status(f"n{number}") in ("stopped", "gone")
        removed(lives)

    assert kills(command, after, calls=MOMENTS, least=0.4) > 1


def test_the_monitor_s_call(kills: Kills, lives: Lives) -> None:
    """Of a container whose end nobody has recorded yet: the exit status that the monitor wrote down is not lost."""

    def command(number: int) -> list[str | Path]:
        found = lives.detached("--name", f"n{number}", "--", "sh", "-c", "exit 5")
        lives("ctr-wait", f"n{number}")
        place = lives.root / "containers" / found["id"]
        (place / "record.json").write_text((place / "record.json").read_text().replace('"stopped"', '"running"'))
        return [lives.run.bin / "ctr-cleanup", f"n{number}"]

    def after(number: int) -> None:
        whole(lives)
        lives("ctr-cleanup", f"n{number}")
        assert lives.all()[f"n{number}"]["annotations"][CODE] == "5"
        lives("ctr-wait", "--exit-status", f"n{number}", status=5)
        removed(lives)

    assert kills(command, after, calls=MOMENTS) > 2


def test_the_monitor_s_call_with_rm(kills: Kills, lives: Lives) -> None:
    """The container is removed by whoever comes next, and its exit status is known all the same."""
    ids: dict[int, str] = {}

    def command(number: int) -> list[str | Path]:
        (found,) = lives("ctr-create", "--rm", "--name", f"n{number}", "busybox", "sh", "-c", "exit 5").documents
        ids[number] = found["id"]
        place = lives.root / "containers" / found["id"]
        record = (place / "record.json").read_text().replace('"created","exitCode"', '"running","exitCode"')
        (place / "record.json").write_text(record)
        assert '"status":"running"' in record
        (place / "exit").mkdir()
        (place / "exit" / found["id"]).write_text("5")
        (lives.root / "containers" / "rm" / found["id"]).symlink_to(f"../{found['id']}")
        return [lives.run.bin / "ctr-cleanup", f"n{number}"]

    def after(number: int) -> None:
        whole(lives)
        lives("ctr-run", "--rm", "busybox", "true")
        assert lives.status(f"n{number}") == "gone"
        lives("ctr-wait", "--exit-status", ids[number], status=5)
        assert lives.left() == []

    assert kills(command, after, calls=MOMENTS) > 2


def test_everything_of_ours_at_every_stage(lives: Lives) -> None:
    """The command, then the monitor, killed at all stages of a start: what can be seen is true, all can be removed."""
    import subprocess
    import time

    for step in range(0, 60, 8):
        argv = [lives.run.bin / "ctr-run", "-d", "--name", "x", "busybox", "sleep", "1000"]
        process = subprocess.Popen(argv, env=lives.run.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(step * 0.004)
        process.kill()
        process.wait()
        for path in lives.run_root.glob("containers/*/monitor"):
            try:
                os.kill(int(path.read_text()), signal.SIGKILL)
            except (ProcessLookupError, ValueError, FileNotFoundError):
                pass
        assert lives.status("x") in ("created", "running", "stopped", "gone")
        removed(lives)
