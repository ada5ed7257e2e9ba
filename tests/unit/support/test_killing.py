"""The sweep itself: every change of every thread is reached, and nothing that comes after it happens."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import tracing
from killing import Kills, sample

PROGRAM = """
import os, sys, threading
def make(name):
    for number in range(5):
        os.mkdir(f"{sys.argv[1]}/{name}-{number}")
os.mkdir(sys.argv[1])
threads = [threading.Thread(target=make, args=(name,)) for name in "abc"]
for thread in threads: thread.start()
for thread in threads: thread.join()
open("/etc/passwd").close()
os.write(1, b"done")
os.system("touch " + sys.argv[1] + "/by-another-process")
os.rmdir(sys.argv[1] + "/a-0")
"""


def command(place: Path) -> list[str]:
    return [sys.executable, "-IS", "-c", PROGRAM, str(place)]


def test_each_change_of_each_thread(tmp_path: Path) -> None:
    made = []

    def after(number: int) -> None:
        made.append(sum(1 for _ in tmp_path.glob(f"{number}/?-*")))

    tried = Kills(os.environ, every=True)(lambda number: command(tmp_path / str(number)), after, calls=tracing.CHANGES)
    assert tried == 17, "sixteen are made and one removed; what another process does is not its own"
    assert (made[0], made[1], made[-1]) == (14, 0, 15)
    for number, count in enumerate(made[2:-1], 2):
        assert number - 4 <= count <= number - 2, "the other two threads may each have been about to make one"


def test_what_a_command_says_and_how_it_ends(tmp_path: Path) -> None:
    program = "import sys; sys.stderr.write('err'); sys.exit(print(sys.stdin.read()) or 7)"
    done = tracing.run([sys.executable, "-c", program], os.environ, lambda stop: None, input=b"in")
    assert (done.status, done.out, done.err) == (7, b"in\n", b"err")


def test_before_and_after_a_call(tmp_path: Path) -> None:
    seen = []

    def watch(stop: tracing.Stop) -> None:
        seen.append((stop.name, stop.result, (tmp_path / "x").exists()))

    program = f"import os; os.mkdir({str(tmp_path / 'x')!r}); os.stat('/')"
    tracing.run([sys.executable, "-IS", "-c", program], os.environ, watch)
    assert [one for one in seen if one[0] in ("mkdir", "mkdirat")] == [("mkdir", None, False), ("mkdir", 0, True)]


def test_a_sample_has_each_kind() -> None:
    names = ["open", *["write"] * 50, "rename", *["write"] * 50, "fsync"]
    assert sample(names, 6) == [1, 2, 3, 52, 102, 103]
    assert 15 < len(sample(names, 20)) <= 20
    assert sample(["a", "b", "c", "d"], 2) == [1, 3]
    assert sample(["a", "b"], 9) == [1, 2]
