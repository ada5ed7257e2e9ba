"""ctr-logs: every byte of what containers have said, kept small, followed, and what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import logs
import pytest
from lives import Lives

from oci_spec import validate
from ocipipe.host import locks, mounts, process

MIB = 1 << 20
BOTH = "echo one; echo two >&2; echo three; printf four >&2"
COUNTED = "printf =; seq -w -s ' abcdefghijklmnopqrstuvwxyzabcdefghijklm\n=' "
"""Numbered lines of some 50 bytes, from one number to another."""
LINES = MIB // 50
SLACK = 64 << 10
COUNT = "i=0; while [ $i -lt %d ]; do echo $i %s; i=$((i+1)); done"


def say(lives: Lives, script: str, *options: str | Path, name: str = "web") -> Path:
    """A container that has said something and ended; its directory."""
    lives.detached("--name", name, *options, "--", "sh", "-c", script)
    (ended,) = lives("ctr-wait", name).documents
    return Path(ended["bundle"])


def follow(lives: Lives, *argv: str, **settings: Any) -> subprocess.Popen[bytes]:
    settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    return subprocess.Popen([lives.run.bin / "ctr-logs", "-f", *argv], env=lives.run.env, **settings)


def whole(out: bytes) -> list[int]:
    """The numbers of the lines that begin and end in what there is: what is gone may have ended within a line."""
    return [int(number) for number in re.findall(rb"^=(\d+)(?: [a-z]{39})?$", out, re.MULTILINE)]


def watches(process_id: int) -> bool:
    """Whether a process has come to the point where it watches for changes."""
    links = [os.readlink(path) for path in Path(f"/proc/{process_id}/fd").iterdir() if path.is_symlink()]
    return "anon_inode:inotify" in links


@contextmanager
def attached(lives: Lives) -> Iterator[Callable[[str], None]]:
    """Tells a container a line."""
    with subprocess.Popen([lives.run.bin / "ctr-attach", "web"], env=lives.run.env, stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as running:  # fmt: skip
        assert running.stdin is not None

        def tell(line: str) -> None:
            assert running.stdin is not None
            running.stdin.write(f"{line}\n".encode())
            running.stdin.flush()

        try:
            yield tell
        finally:
            running.kill()


def numbers(out: bytes) -> list[int]:
    return [int(line.split()[0]) for line in out.splitlines()]


# --- what was said


def test_stdout_and_stderr_apart(lives: Lives) -> None:
    say(lives, BOTH)
    done = lives("ctr-logs", "web")
    assert (done.out, done.err) == (b"one\nthree\n", b"two\nfour")
    only = lives("ctr-logs", "--stdout-only", "web")
    assert (only.out, only.err) == (b"one\nthree\n", b"")
    only = lives("ctr-logs", "--stderr-only", "web")
    assert (only.out, only.err) == (b"", b"two\nfour")
    assert lives.run.shell("ctr-ps -a | ctr-logs --stdout-only").out == b"one\nthree\n"


def test_every_byte(lives: Lives, tmp_path: Path) -> None:
    data = os.urandom(300_000) + b"\n\n\r\n \0" + b"x" * 100_000 + b"\n" + b"last line without its end"
    (tmp_path / "data").write_bytes(data)
    say(lives, "cat /data", "-v", f"{tmp_path}/data:/data")
    assert lives("ctr-logs", "web").out == data
    assert lives("ctr-logs", "--tail", "1", "web").out == b"last line without its end"
    assert lives("ctr-logs", "--tail", "2", "web").out == data[data.rindex(b" \0xxx") :]


def test_a_terminal_s_output(lives: Lives) -> None:
    say(lives, BOTH, "-t")
    assert lives("ctr-logs", "web").out == b"one\r\ntwo\r\nthree\r\nfour"


def test_documents(lives: Lives) -> None:
    say(lives, rf"{BOTH}; printf '\377\n'; head -c 70000 /dev/zero | tr '\0' x; echo")
    done = lives("ctr-logs", "--format", "json", "web")
    for document in done.documents:
        validate.check("log-entry", document, "it")
    assert {one["type"] for one in lives("oci-validate", input=done.out).documents} == {"log-entry"}
    said = [(one["stream"], one["line"], "partial" in one) for one in done.documents if "x" not in one["line"]]
    assert [one for one in said if one[0] == "stdout"] == [
        ("stdout", "one", False), ("stdout", "three", False), ("stdout", "\ufffd", False),
    ]  # fmt: skip
    assert [one for one in said if one[0] == "stderr"] == [("stderr", "two", False), ("stderr", "four", True)]
    long = [one for one in done.documents if "x" in one["line"]]
    assert "".join(one["line"] for one in long) == "x" * 70_000
    assert [one.get("partial", False) for one in long] == [True, False]


def test_the_last_lines(lives: Lives) -> None:
    directory = say(lives, COUNT % (3000, "x" * 100))
    assert numbers(lives("ctr-logs", "--tail", "5", "web").out) == [2995, 2996, 2997, 2998, 2999]
    assert lives("ctr-logs", "-n", "0", "web").out == b""
    assert numbers(lives("ctr-logs", "-n", "2999", "web").out) == list(range(1, 3000))
    everything = lives("ctr-logs", "web").out
    assert lives("ctr-logs", "-n", "3001", "web").out == lives("ctr-logs", "-n", "all", "web").out == everything
    # In time proportional to what is asked for: what comes before is a hole of a terabyte.
    log = directory / "log"
    told = log.read_bytes()
    with log.open("r+b") as file:
        file.truncate(0)
        file.seek(1 << 40)
        file.write(told)
    assert numbers(lives("ctr-logs", "--tail", "3", "web").out) == [2997, 2998, 2999]


def test_from_when_until_when(lives: Lives) -> None:
    say(lives, "for i in 1 2 3 4; do echo $i; sleep 0.3; done")
    entries = lives("ctr-logs", "--format", "json", "web").documents
    assert [one["line"] for one in entries] == ["1", "2", "3", "4"]
    second, third = entries[1]["time"], entries[2]["time"]
    assert lives("ctr-logs", "--since", third, "web").out == b"3\n4\n"
    assert lives("ctr-logs", "--until", second, "web").out == b"1\n2\n"
    assert lives("ctr-logs", "--since", second, "--until", third, "web").out == b"2\n3\n"
    assert lives("ctr-logs", "--since", "1h", "web").out == b"1\n2\n3\n4\n"
    assert lives("ctr-logs", "--since", "0s", "web").out == b""
    assert lives("ctr-logs", "--until", "1h", "web").out == b""
    assert lives("ctr-logs", "--since", str(int(time.time()) - 100), "--tail", "1", "web").out == b"4\n"


def test_since_in_a_long_log(lives: Lives) -> None:
    say(lives, f"{COUNT % (4000, 'x' * 100)}; sleep 0.5; {COUNT % (2, 'late')}")
    last = lives("ctr-logs", "--format", "json", "--tail", "2", "web").documents[0]["time"]
    assert lives("ctr-logs", "--since", last, "web").out == b"0 late\n1 late\n"


def test_timestamps(lives: Lives) -> None:
    say(lives, BOTH, "-e", "TZ=Asia/Tokyo")
    done = lives("ctr-logs", "-t", "web", env={"TZ": "Asia/Tokyo"})
    times = [line.split()[0].decode() for line in done.out.splitlines()]
    assert [line.split()[1] for line in done.out.splitlines()] == [b"one", b"three"]
    assert all(len(one) == 30 and one.endswith("Z") for one in times)
    assert times == [one["time"] for one in lives("ctr-logs", "--format", "json", "--stdout-only", "web").documents]
    assert done.err.endswith(b" four")


def test_several_containers(lives: Lives) -> None:
    say(lives, BOTH, name="a")
    say(lives, "echo five", name="b")
    done = lives("ctr-logs", "a", "b")
    assert (done.out, done.err) == (b"a | one\na | three\nb | five\n", b"a | two\na | four\n")
    done = lives("ctr-logs", "a", "nobody", "b", status=1)
    assert done.out == b"a | one\na | three\nb | five\n"
    assert b"nobody: no such container" in done.err


# --- kept small


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


# --- followed


def test_followed_to_its_end(lives: Lives) -> None:
    lives.detached("--name", "web", "--", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done; printf end")
    with follow(lives, "web") as following:
        assert following.communicate(timeout=60) == (b"1\n2\n3\nend", b"")
        assert following.returncode == 0
    assert lives("ctr-logs", "-f", "web").out == b"1\n2\n3\nend"  # it has ended


def test_what_comes_is_there_at_once(lives: Lives) -> None:
    script = "while read -r line && [ $line != end ]; do echo $line; done"
    lives.detached("--name", "web", "-i", "--", "sh", "-c", script)
    with follow(lives, "web") as following, attached(lives) as tell:
        assert following.stdout is not None
        for number in range(20):
            tell(str(number))
            assert following.stdout.readline() == f"{number}\n".encode()
        tell("end")
        assert following.wait(timeout=60) == 0


def test_followed_before_it_starts_and_until_it_is_removed(lives: Lives) -> None:
    lives("ctr-create", "--name", "web", "--rm", "busybox", "sh", "-c", BOTH)
    with follow(lives, "web") as following:
        lives("ctr-start", "web")
        assert following.communicate(timeout=60) == (b"one\nthree\n", b"two\nfour")
    lives.until(lambda: lives.left() == [])


def test_followed_across_restarts(lives: Lives) -> None:
    lives("ctr-create", "--name", "web", "--restart", "on-failure:2", "busybox", "sh", "-c", "echo again; exit 1")
    with follow(lives, "web") as following:
        lives("ctr-start", "web")
        assert following.communicate(timeout=60)[0] == b"again\n" * 3


@pytest.mark.parametrize("count", [1, 3])
def test_followed_across_pieces(lives: Lives, count: int) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo $i 0123456789; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.02; done"
    options = ("--log-opt", "max-size=32k", "--log-opt", f"max-file={count}")
    lives("ctr-create", "--name", "web", *options, "busybox", "sh", "-c", script)
    with follow(lives, "web") as following:
        lives.until(lambda: watches(following.pid))  # it reads from the first line on
        lives("ctr-start", "web")
        assert numbers(following.communicate(timeout=60)[0]) == list(range(3000))


def test_many_followed_at_once(lives: Lives) -> None:
    for name in ("a", "b"):
        lives.detached("--name", name, "--", "sh", "-c", f"for i in 1 2 3; do echo {name}$i; sleep 0.1; done")
    said = lives("ctr-logs", "-f", "a", "b").out.splitlines()
    assert sorted(said) == [f"{name} | {name}{i}".encode() for name in ("a", "b") for i in (1, 2, 3)]
    documents = lives("ctr-logs", "-f", "--format", "json", "a", "b").documents
    assert {(one["container"], one["line"]) for one in documents} == {(n, f"{n}{i}") for n in "ab" for i in (1, 2, 3)}


def test_followed_until_a_moment(lives: Lives) -> None:
    lives.detached("--name", "web", "--", "sh", "-c", "echo early; sleep 1000")
    lives.until(lambda: lives("ctr-logs", "web").out)
    assert lives("ctr-logs", "-f", "--until", str(int(time.time()) + 2), "web").out == b"early\n"
    assert lives.status("web") == "running"


def test_followed_when_the_monitor_is_killed(lives: Lives) -> None:
    found = lives.detached(
        "--name", "web", "--", "sh", "-c", "trap 'exit 0' PIPE; while :; do echo x; sleep 0.05; done"
    )
    with follow(lives, "web") as following:
        assert following.stdout is not None
        assert following.stdout.readline() == b"x\n"
        os.kill(lives.monitor(found), signal.SIGKILL)
        lives("ctr-kill", "web", status=None)
        assert set(following.communicate(timeout=60)[0].splitlines()) <= {b"x"}
        assert following.returncode == 0


def test_following_sleeps(lives: Lives) -> None:
    lives.detached("--name", "web", "--", "sh", "-c", "echo x; sleep 1000")
    with follow(lives, "web") as following:
        assert following.stdout is not None
        following.stdout.readline()

        def work() -> tuple[int, str]:
            words = Path(f"/proc/{following.pid}/stat").read_text().rpartition(")")[2].split()
            return int(words[11]) + int(words[12]), words[0]

        lives.until(lambda: work()[1] == "S")
        before, _ = work()
        time.sleep(0.5)
        assert work() == (before, "S")
        following.kill()


# --- who goes away, and what is refused


def test_a_reader_that_goes_away(lives: Lives) -> None:
    say(lives, COUNT % (5000, "x" * 100))
    done = lives.run.shell("ctr-logs web | head -n 1; echo ${PIPESTATUS[0]}")
    assert done.out == b"0 " + b"x" * 100 + b"\n141\n"
    assert done.err == b""
    lives.detached("--name", "on", "--", "sh", "-c", "while :; do echo x; sleep 0.01; done")
    assert lives.run.shell("ctr-logs -f on | head -n 1; echo ${PIPESTATUS[0]}").out == b"x\n141\n"


def test_no_log(lives: Lives) -> None:
    say(lives, "echo hello", "--log-driver", "none")
    assert lives.refused("ctr-logs", "web").startswith("web: has no log: its log driver is none")
    lives("ctr-create", "--name", "past", "--log-driver", "passthrough", "busybox", "true")
    assert "its log driver is passthrough" in lives.refused("ctr-logs", "past")
    lives("ctr-create", "--name", "made", "busybox", "true")
    assert lives("ctr-logs", "made").out == b""
    with subprocess.Popen([lives.run.bin / "ctr-run", "--rm", "--name", "ours", "busybox", "sleep", "1000"],
                          env=lives.run.env, stdin=subprocess.DEVNULL) as running:  # fmt: skip
        lives.until(lambda: lives.status("ours") == "running")
        assert "its output went to the command that ran it" in lives.refused("ctr-logs", "ours")
        lives("ctr-kill", "ours")
        running.wait()


def test_passed_through(lives: Lives, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        words = ["-d", "--name", "web", "--log-driver", "passthrough", "busybox", "sh", "-c", BOTH]
        subprocess.run([lives.run.bin / "ctr-run", *words], env=lives.run.env, stdin=subprocess.DEVNULL,
                       stdout=out, stderr=err, check=True)  # fmt: skip
    lives("ctr-wait", "web")
    said = [line for line in (tmp_path / "out").read_bytes().splitlines() if not line.startswith(b"{")]
    assert said == [b"one", b"three"]
    assert (tmp_path / "err").read_bytes() == b"two\nfour"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--log-driver", "passthrough", "-t"], "does not go with --tty"),
        (["--log-opt", "path=/nowhere/log"], "no such directory"),
        (["--log-opt", "path=/dev/null"], "is no regular file"),
        (["--log-opt", "path=/tmp/a:b"], "a colon"),
        (["--log-opt", "max-size=-1", "--log-opt", "max-file=2"], "no limit"),
    ],
)
def test_refused_options(lives: Lives, options: list[str], words: str) -> None:
    done = lives("ctr-create", *options, "busybox", "true", status=None)
    assert done.status in (1, 2)
    assert words in done.errors[0]["message"]
    assert lives.left() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-q"], "--quiet"),
        (["--stdout-only", "--stderr-only"], "leave nothing"),
        (["-t", "--format", "json"], "--timestamps"),
        (["--tail", "-1"], "no number of lines"),
        (["--tail", "x"], "no number of lines"),
        (["--since", "yesterday"], "no moment"),
        (["--until", ""], "no moment"),
        (["--format", "table"], "--format"),
    ],
)
def test_refused_requests(lives: Lives, options: list[str], words: str) -> None:
    lives("ctr-create", "--name", "web", "busybox", "true")
    assert words in lives.refused("ctr-logs", *options, "web", status=2)


def test_an_unlimited_log(lives: Lives) -> None:
    directory = say(lives, COUNT % (1000, "x" * 100), "--log-opt", "max-size=-1")
    assert [path.name for path in directory.glob("log*")] == ["log"]
    assert numbers(lives("ctr-logs", "web").out) == list(range(1000))


# --- the host's journal


def test_in_the_journal(lives: Lives) -> None:
    """On a host whose journal is not ours to write to: one of our own, in a mount namespace."""
    script = r"""
        ctr-run -d --name web --log-driver journald --log-opt tag=mine busybox sh -c \
            'echo one; echo two >&2; printf "\377\n"; sleep 0.3; head -c 20000 /dev/zero | tr "\0" x; echo; echo last' \
            >/dev/null
        ctr-logs -f web >followed 2>errors
        ctr-logs web >after 2>/dev/null
        ctr-logs --tail 1 web
        ctr-logs --format json web
        ctr-logs --stderr-only web 2>&1
        ctr-rm web >/dev/null
        """
    base = lives.root.parent
    (base / "script").write_text(logs.JOURNAL + script)
    done = lives.run.shell("unshare -m --propagation private bash -e script", cwd=base)
    said = b"one\n\xff\n" + b"x" * 20_000 + b"\nlast\n"
    assert (base / "followed").read_bytes() == (base / "after").read_bytes() == said
    assert (base / "errors").read_bytes() == b"two\n"
    last, *documents, error = done.out.splitlines()
    assert (last, error) == (b"last", b"two")
    for document in documents:
        validate.check("log-entry", json.loads(document), "it")
    assert len(documents) == 5


@pytest.mark.skipif(os.path.exists("/run/systemd/journal/socket"), reason="this host has a journal")
def test_no_journal(lives: Lives) -> None:
    assert "this host has no journal" in lives.refused("ctr-create", "--log-driver", "journald", "busybox", "true")
