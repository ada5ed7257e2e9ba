"""ctr-logs -f: followed, whatever becomes of the container."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from lives import Lives
from talking import BOTH, attached, follow, numbers, watches

from ocipipe.host import locks


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


def test_followed_while_a_start_fails(lives: Lives) -> None:
    """Who was to start it once more holds its lock, and lets it go without a word."""
    found = lives.detached("--name", "web", "--", "echo", "x")
    lives("ctr-wait", "web")
    held = os.open(lives.root / "containers" / found["id"] / "run.lock", os.O_RDWR)
    assert locks.take(held)
    with follow(lives, "web") as following:
        lives.until(lambda: watches(following.pid))
        assert following.stdout is not None
        assert following.stdout.readline() == b"x\n"
        time.sleep(0.3)
        assert following.poll() is None
        locks.release(held)
        assert following.wait(timeout=60) == 0


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
