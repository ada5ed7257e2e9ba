"""ctr-logs: kept small, over restarts and killed helpers, and in a file of one's own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import logs
import pytest
from lives import Lives
from talking import COUNT, COUNTED, LINES, MIB, SLACK, attached, numbers, say, whole

from ocipipe.host import locks, mounts, process


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own: what is used of it is known at one glance."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounts.mount("tmpfs", str(directory), "tmpfs")
    yield directory
    mounts.unmount_under(str(directory))


def used(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def fill(lives: Lives, disk: Path, mebibytes: int, *options: str) -> tuple[int, bytes]:
    """A container that writes numbered lines as fast as it can; the most bytes of its log on disk, and all it said."""
    script = f"{COUNTED} 1 {mebibytes * LINES}"
    path = f"path={disk}/log"
    lives("ctr-create", "--name", "web", "--log-opt", path, *options, "busybox", "sh", "-c", script)
    lives("ctr-start", "web")
    most = 0
    with subprocess.Popen([lives.run.bin / "ctr-wait", "web"], env=lives.run.env, stdout=subprocess.DEVNULL) as wait:
        while wait.poll() is None:
            most = max(most, used(disk))
    return max(most, used(disk)), lives("ctr-logs", "web").out


@pytest.mark.parametrize("count", [2, 4])
def test_the_newest_pieces_are_kept(lives: Lives, disk: Path, count: int) -> None:
    most, said = fill(lives, disk, 10, "--log-opt", "max-size=1m", "--log-opt", f"max-file={count}")
    assert most <= (count + 2) * MIB + SLACK  # two more, until the helper has seen it
    found = logs.pieces(disk)
    assert len(found) <= count + 2
    assert all(path.stat().st_size <= MIB for path in found)
    kept = whole(said)
    assert kept[-1] == 10 * LINES
    assert kept == sorted(set(kept))
    assert len(kept) > (count - 1) * LINES / 3


def test_the_pieces_follow_one_another(lives: Lives) -> None:
    """At a pace at which the helper comes in time, on however slow a machine: nothing is missing between them."""
    script = f"i=0; while [ $i -lt 20 ]; do {COUNTED} $i'000' $i'999'; sleep 0.3; i=$((i+1)); done"
    directory = say(lives, script, "--log-opt", "max-size=128k", "--log-opt", "max-file=3")
    kept = whole(lives("ctr-logs", "web").out)
    assert kept == list(range(kept[0], 20_000))
    assert len(logs.pieces(directory)) == 3
    assert logs.size(directory) <= 3 * 128 << 10


def test_one_piece(lives: Lives, disk: Path) -> None:
    most, said = fill(lives, disk, 10, "--log-opt", "max-size=1m", "--log-opt", "max-file=1")
    assert most <= MIB + SLACK
    assert [path.name for path in logs.pieces(disk)] == ["log"]
    kept = whole(said)
    assert kept == list(range(kept[0], 10 * LINES + 1))


def test_small_by_itself(lives: Lives, disk: Path) -> None:
    """Nobody asked for anything: it is limited all the same, and no process more than the monitor is there."""
    most, said = fill(lives, disk, 100)
    assert 20 * MIB < most <= 40 * MIB + SLACK
    kept = whole(said)
    assert kept[-1] == 100 * LINES
    assert kept == sorted(set(kept))
    assert kept[0] == 1  # what was before anybody looked
    assert list(lives.root.glob("containers/*/log.lock")) == []


def test_a_look_keeps_what_was_before(lives: Lives) -> None:
    """Without a helper nothing is lost while somebody looks before two pieces are full."""
    script = f"while read -r from to && [ $from != end ]; do {COUNTED} $from $to; done"
    found = lives.detached("--name", "web", "-i", "--log-opt", "max-size=256k", "--", "sh", "-c", script)
    directory = Path(found["bundle"])
    with attached(lives) as tell:
        for turn in range(12):
            first, last = turn * 3000 + 1, (turn + 1) * 3000
            tell(f"{first} {last}")
            lives.until(lambda last=last: whole(lives("ctr-logs", "-n", "1", "web").out) == [last])
            assert logs.size(directory) <= 4 * 256 << 10
            kept = whole(lives("ctr-logs", "web").out)
            assert kept == list(range(kept[0], last + 1))
            assert len(kept) >= min(last, 2000)
        tell("end")


def test_a_killed_helper(lives: Lives) -> None:
    """What is left is the monitor's own limit, and the container notices nothing."""
    options = ("--log-opt", "max-size=64k", "--log-opt", "max-file=3")
    found = lives.detached("--name", "web", *options, "--", "sh", "-c", f"{COUNT % (200, 'x' * 100)}; sleep 1; "
                           f"{COUNT % (10_000, 'x' * 100)}; sleep 1000")  # fmt: skip
    directory = Path(found["bundle"])
    helper = int((lives.run_root / "containers" / found["id"] / "log").read_text())
    assert locks.is_held(str(directory / "log.lock"))
    os.kill(helper, signal.SIGKILL)
    lives.until(lambda: lives("ctr-logs", "-n", "1", "web").out.startswith(b"9999 "))
    assert logs.size(directory) <= 5 * 64 << 10
    assert lives.status("web") == "running"
    lives("ctr-restart", "-t", "0", "web")
    assert locks.is_held(str(directory / "log.lock"))
    lives("ctr-stop", "-t", "0", "web")
    assert not locks.is_held(str(directory / "log.lock"))


def test_the_helper_goes_with_its_container(lives: Lives) -> None:
    for options in ((), ("--log-opt", "path={}/app.log")):
        words = [word.format(lives.root) for word in options]
        found = lives.detached("--name", "web", "--log-opt", "max-file=2", *words)
        helper = int((lives.run_root / "containers" / found["id"] / "log").read_text())
        os.kill(lives.monitor(found), signal.SIGKILL)
        lives("ctr-rm", "--force", "web")
        lives.until(lambda helper=helper: not process.is_alive(helper))
    assert sorted(path.name for path in lives.root.glob("app.log*")) == ["app.log", "app.log.1"]
    assert lives.left() == []


def test_restarts_go_on_with_the_log(lives: Lives) -> None:
    directory = say(lives, "echo said", "--log-opt", "max-size=1k", "--log-opt", "max-file=2")
    for _ in range(30):
        lives.run.shell("ctr-start web | ctr-wait")
    said = lives("ctr-logs", "web").out
    assert set(said.splitlines()) == {b"said"}
    assert 12 <= len(said.splitlines()) <= 31  # a piece begins with a start only when the one before is half full
    assert logs.size(directory) <= 3 * 1024
    assert lives("store-check", status=0).documents == []
    lives("ctr-rm", "web")
    assert lives.left() == []


def test_a_file_of_ones_own(lives: Lives, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    (tmp_path / "app.log.old").write_text("somebody's")
    directory = say(lives, COUNT % (2000, "x" * 100), "--log-opt", f"path={path}", "--log-opt", "max-size=64k")
    assert not (directory / "log").exists()
    assert logs.size(tmp_path, "app.log") <= 4 * 64 << 10
    kept = numbers(lives("ctr-logs", "web").out)
    assert kept[-1] == 1999
    lives("ctr-rm", "web")
    assert path.read_bytes().splitlines()[-1].split()[3:] == [b"1999", b"x" * 100]
    assert (tmp_path / "app.log.old").read_text() == "somebody's"
    assert not os.path.lexists(f"{path}.tmp")


def test_a_file_behind_a_link(lives: Lives, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "app.log").symlink_to("disk/real.log")
    say(lives, "echo hello", "--log-opt", f"path={tmp_path}/app.log")
    assert lives("ctr-logs", "web").out == b"hello\n"
    assert (tmp_path / "app.log").read_bytes().endswith(b" hello\n")
    assert os.readlink(tmp_path / "app.log") == "disk/real.log"
