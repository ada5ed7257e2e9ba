"""ctr-logs: every byte of what containers have said, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import logs
import pytest
from lives import Lives
from talking import BOTH, COUNT, numbers, say

from oci_spec import validate


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


REFUSED_REQUESTS = [
    (["-q"], "--quiet"),
    (["--stdout-only", "--stderr-only"], "leave nothing"),
    (["-t", "--format", "json"], "--timestamps"),
    (["--tail", "-1"], "no number of lines"),
    (["--tail", "x"], "no number of lines"),
    (["--since", "yesterday"], "no moment"),
    (["--until", ""], "no moment"),
    (["--format", "table"], "--format"),
]


def test_refused_requests(lives: Lives) -> None:
    lives("ctr-create", "--name", "web", "busybox", "true")
    for options, words in REFUSED_REQUESTS:
        assert words in lives.refused("ctr-logs", *options, "web", status=2)


def test_an_unlimited_log(lives: Lives) -> None:
    directory = say(lives, COUNT % (1000, "x" * 100), "--log-opt", "max-size=-1")
    assert [path.name for path in directory.glob("log*")] == ["log"]
    assert numbers(lives("ctr-logs", "web").out) == list(range(1000))


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
