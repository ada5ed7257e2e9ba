"""Attached to a container through its monitor: ctr-attach, ctr-start -a, ctr-run without --rm; pipes and terminals."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from terminals import Terminal

LOOP = "echo ready; while :; do sleep 0.05; done"
UNTIL_GO = "until [ -e /go ]; do sleep 0.02; done"


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Box]:
    yield stored(run, store_root, busybox_image)
    run.shell("ctr-ps -aq | xargs -r ctr-rm -f", status=None)


@pytest.fixture
def terminal(box: Box) -> Iterator[Terminal]:
    made = Terminal(box.run)
    yield made
    made.close()


def detached(box: Box, script: str, *options: str) -> str:
    """A container of a shell script in the background, named c; its id."""
    done = box("-d", "--name", "c", *options, "--", "sh", "-c", script, rm=False)
    return str(json.loads(done.out)["id"])


def go(run: Commands, name: str = "c") -> None:
    """Lets a container go on that waits by UNTIL_GO."""
    run("ctr-exec", name, "touch", "/go")


def popen(run: Commands, name: str, *argv: str, **streams: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([run.bin / name, *argv], env=run.env, **streams)


def until_attached(process: subprocess.Popen[bytes]) -> None:
    """Waits until a command of ours has its connection."""
    while not any(_link(one).startswith("socket:") for one in Path(f"/proc/{process.pid}/fd").iterdir()):
        time.sleep(0.01)


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def status_of(run: Commands, name: str = "c") -> str:
    return str(json.loads(run("ctr-inspect", name).out)["state"]["status"])


# Without a terminal.


def test_what_it_says_and_how_it_ends(box: Box, run: Commands) -> None:
    detached(box, f"echo before; {UNTIL_GO}; echo out; echo err >&2; printf last; exit 7")
    process = popen(run, "ctr-attach", "c", stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    until_attached(process)
    go(run)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (7, b"out\nlast", b"err\n")


def test_several_at_once(box: Box, run: Commands) -> None:
    detached(box, f"{UNTIL_GO}; seq 5000; exit 3")
    many = [popen(run, "ctr-attach", "--no-stdin", "c", stdout=subprocess.PIPE) for _ in range(4)]
    for process in many:
        until_attached(process)
    go(run)
    for process in many:
        out, _ = process.communicate()
        assert process.returncode == 3
        assert out == b"".join(b"%d\n" % one for one in range(1, 5001))


def test_one_that_is_killed_leaves_the_others(box: Box, run: Commands) -> None:
    detached(box, f"{UNTIL_GO}; seq 50000; exit 3")
    first, second = (popen(run, "ctr-attach", "--no-stdin", "c", stdout=subprocess.PIPE) for _ in range(2))
    until_attached(first)
    until_attached(second)
    first.kill()
    first.communicate()
    go(run)
    out, _ = second.communicate()
    assert (second.returncode, out.count(b"\n")) == (3, 50000)


def test_refusals(box: Box, run: Commands) -> None:
    run("ctr-create", "--name", "c", "busybox", "true")
    for argv, words in (
        (("ctr-attach", "c"), "c: is created (only a running container"),
        (("ctr-attach", "none"), "none: no such container"),
        (("ctr-start", "-a", "none"), "none: no such container"),
    ):
        (error,) = run(*argv, status=125).errors
        assert error["message"].startswith(words)
    run("ctr-start", "-a", "c")
    run("ctr-run", "-d", "--name", "r", "busybox", "sleep", "1000")
    (error,) = run("ctr-start", "-a", "r", status=125).errors
    assert error["message"] == "r: runs already (ctr-attach to it)"
    run("ctr-pause", "r")
    (error,) = run("ctr-attach", "r", status=125).errors
    assert error["message"].startswith("r: is paused")
    run("ctr-unpause", "r")
    (error,) = run("ctr-attach", "--detach-keys", "nokey", "r", status=2).errors
    assert error["message"].startswith("--detach-keys nokey: ")


def test_started_and_attached(box: Box, run: Commands) -> None:
    run("ctr-create", "--name", "c", "-i", "busybox", "sh", "-c", "echo first; cat; echo err >&2; exit 5")
    for _ in range(2):
        done = run("ctr-start", "-a", "-i", "c", input=b"typed", status=5)
        assert (done.out, done.err) == (b"first\ntyped", b"err\n")
    assert run("ctr-run", "--name", "d", "busybox", "sh", "-c", "cat; exit 6", input=b"not for it", status=6).out == b""
    done = run("ctr-start", "-a", "d", status=6)
    assert (done.out, done.err) == (b"", b"")


def test_a_program_that_is_not_there(box: Box, run: Commands) -> None:
    (error,) = run("ctr-run", "--name", "c", "busybox", "no-such", status=127).errors
    assert error["message"].startswith("no-such: command not found")
    run("ctr-create", "--name", "c", "busybox", "/etc/hosts")
    (error,) = run("ctr-start", "-a", "c", status=126).errors
    assert error["message"].startswith("/etc/hosts: permission denied")


def test_binary_through_it(box: Box, run: Commands, tmp_path: Path) -> None:
    data = os.urandom(3_000_001) + bytes(range(256)) + b"\x10\x11no newline"
    done = run("ctr-run", "-i", "--name", "x", "busybox", "cat", input=data)
    assert (done.out == data, done.err) == (True, b"")
    assert run("ctr-run", "-i", "busybox", "sh", "-c", "cat | wc -c", input=b"").out == b"0\n"
    assert run("ctr-run", "--log-driver", "json", "--rm", "-i", "busybox", "md5sum", input=data).out.split()[0] == (
        hashlib.md5(data).hexdigest().encode()
    )


@pytest.mark.parametrize("how", ["run", "start"])
def test_much_of_both_streams(box: Box, run: Commands, tmp_path: Path, how: str) -> None:
    """In order, whole, and with nobody waiting for anybody: stdin is longer than all pipes and sockets together."""
    data = os.urandom(1 << 20) * 20
    (tmp_path / "in").write_bytes(data)
    command = "ctr-run -i --name c busybox tee /dev/stderr"
    if how == "start":
        run("ctr-create", "-i", "--name", "c", "busybox", "tee", "/dev/stderr")
        command = "ctr-start -a -i c"
    run.shell(f"cat in | {command} 2>err | cat >out", cwd=tmp_path)
    for name in ("out", "err"):
        found = (tmp_path / name).read_bytes()
        assert len(found) == len(data), name
        assert found == data, name


def test_an_early_reader(box: Box, run: Commands) -> None:
    """As any program in a pipe: ended by SIGPIPE, without a word. The container is not the command: it goes on."""
    done = run.shell("ctr-run --name c busybox yes | head -n 1; echo ${PIPESTATUS[0]}")
    assert (done.out, done.err) == (b"y\n141\n", b"")
    assert status_of(run) == "running"
    done = run.shell("ctr-attach --no-stdin c | head -n 1; echo ${PIPESTATUS[0]}")
    assert (done.out, done.err) == (b"y\n141\n", b"")


def test_a_reader_that_stops_reading_delays_no_signal(box: Box, run: Commands) -> None:
    script = "trap 'echo got >/got; wait; exit 4' TERM; echo ready; seq 300000 & while :; do sleep 0.05; done"
    process = popen(run, "ctr-run", "--name", "c", "busybox", "sh", "-c", script, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    waiting = bytearray(4)
    while int.from_bytes(waiting, sys.byteorder) < 60000:  # the pipe to us is full
        fcntl.ioctl(process.stdout, termios.FIONREAD, waiting)
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    while run("ctr-exec", "c", "cat", "/got", status=None).out != b"got\n":
        time.sleep(0.01)
    process.stdout.read()
    assert process.wait() == 4


@pytest.mark.parametrize("again", [False, True], ids=["ctr-run", "ctr-start"])
def test_signals_go_on(box: Box, run: Commands, again: bool) -> None:
    script = f"trap 'echo got; exit 4' TERM; trap 'echo one' USR1; {LOOP}"
    if again:
        run("ctr-create", "--name", "c", "busybox", "sh", "-c", script)
        process = popen(run, "ctr-start", "-a", "c", stdout=subprocess.PIPE)
    else:
        process = popen(run, "ctr-run", "--name", "c", "busybox", "sh", "-c", script, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == b"one\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == b"got\n"
    assert process.wait() == 4


@pytest.mark.parametrize("again", [False, True], ids=["ctr-run", "ctr-start"])
@pytest.mark.parametrize("rm", [False, True], ids=["", "--rm"])
def test_a_signal_when_the_process_has_just_begun(
    box: Box, run: Commands, tmp_path: Path, again: bool, rm: bool
) -> None:
    """It hears of none yet: it ends all the same, and is not left behind. The signal comes right behind the start."""
    runtime = tmp_path / "bin" / "wrapped"  # what is called runc need not be asked to start a process
    runtime.parent.mkdir()
    runtime.write_text(f"""#!/bin/sh
{shutil.which("runc")} "$@"; status=$?
case " $* " in *" start "*) kill -TERM $PPID; touch {tmp_path}/sent;; esac
exit $status
""")
    runtime.chmod(0o755)
    argv = ["--name", "c", "--runtime", str(runtime), "--log-driver", "json", *(["--rm"] if rm else [])]
    if again:
        run("ctr-create", *argv, "busybox", "sleep", "1000")
        done = run("ctr-start", "-a", "c", status=None)
    else:
        done = run("ctr-run", *argv, "busybox", "sleep", "1000", status=None)
    assert (tmp_path / "sent").exists()
    assert done.status == 137, done.err
    if rm:
        assert json.loads(run("ctr-wait", "c").out)["annotations"]["org.ocipipe.exit-code"] == "137"
        assert run("ctr-ps", "-aq").out == b""
    else:
        assert status_of(run) == "stopped"


def test_signals_do_not_go_on(box: Box, run: Commands) -> None:
    detached(box, LOOP)
    process = popen(run, "ctr-attach", "--sig-proxy=false", "--no-stdin", "c")
    until_attached(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    assert status_of(run) == "running"


def test_the_command_is_killed(box: Box, run: Commands) -> None:
    """The container goes on, and what it says is kept; its status is known."""
    process = popen(run, "ctr-run", "--name", "c", "busybox", "sh", "-c", f"echo ready; {UNTIL_GO}; exit 9",
                    stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    assert status_of(run) == "running"
    go(run)
    run("ctr-wait", "--exit-status", "c", status=9)


def test_the_monitor_is_killed(box: Box, run: Commands) -> None:
    container = detached(box, LOOP)
    process = popen(run, "ctr-attach", "--no-stdin", "c", stderr=subprocess.PIPE)
    until_attached(process)
    os.kill(int(Path(run.env["OCIPIPE_RUN_ROOT"], "containers", container, "monitor").read_text()), signal.SIGKILL)
    os.kill(int(Path(run.env["OCIPIPE_RUN_ROOT"], "containers", container, "pid").read_text()), signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == 125
    assert "nobody knows its exit status" in json.loads(err)["errors"][0]["message"]


def test_stdin_ends_only_once(box: Box, run: Commands) -> None:
    """One that was left in the background keeps its stdin for whoever is attached next."""
    detached(box, "read a; echo 1 $a; read b; echo 2 $b", "-i")
    first = popen(run, "ctr-attach", "c", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert first.stdin is not None
    assert first.stdout is not None
    first.stdin.write(b"one\n")
    first.stdin.close()
    assert first.stdout.readline() == b"1 one\n"
    assert run("ctr-attach", "c", input=b"two\n").out == b"2 two\n"
    assert first.stdout.read() == b"2 two\n"
    assert first.wait() == 0


# On a terminal.


def test_a_shell(terminal: Terminal) -> None:
    terminal.size(33, 101)
    script = "tty; stty size; echo TERM=$TERM; read line; echo got=$line; exit 6"
    terminal.start("ctr-run", "-it", "--name", "c", "busybox", "sh", "-c", script)
    terminal.until("TERM=xterm")
    assert b"/dev/pts/0" in terminal.seen
    assert b"33 101" in terminal.seen
    assert terminal.raw()
    terminal.type("hello\r")
    assert terminal.end() == 6
    assert b"got=hello" in terminal.seen
    assert terminal.settings() == terminal.before


def test_started_anew_on_another_terminal(terminal: Terminal, run: Commands) -> None:
    terminal.size(33, 101)
    script = "stty size; read line; echo got=$line; exit 6"
    terminal.start("ctr-run", "-it", "--name", "c", "busybox", "sh", "-c", script)
    terminal.until("33 101")
    terminal.type("a\r")
    assert terminal.end() == 6
    terminal.size(20, 60)
    terminal.start("ctr-start", "-a", "-i", "c")
    terminal.until("20 60")
    terminal.type("b\r")
    assert terminal.end() == 6
    assert b"got=b" in terminal.seen
    assert terminal.settings() == terminal.before


def test_the_window_and_the_keys(terminal: Terminal) -> None:
    terminal.size(20, 40)
    script = f"trap 'stty size' WINCH; trap 'exit 8' INT; stty size; {LOOP}"
    terminal.start("ctr-run", "-t", "--name", "c", "busybox", "sh", "-c", script)
    terminal.until("20 40")
    terminal.until("ready")
    terminal.size(50, 132)
    terminal.until("50 132")
    terminal.type("\x03")
    assert terminal.end() == 8
    assert terminal.settings() == terminal.before


def test_detached_and_attached_again(terminal: Terminal, run: Commands) -> None:
    terminal.size(20, 40)
    script = "trap 'stty size' WINCH; echo ready; while :; do read line && echo got=$line; done"
    terminal.start("ctr-run", "-it", "--name", "c", "busybox", "sh", "-c", script)
    terminal.until("ready")
    terminal.type("\x10a\r")  # the first of the keys alone is the process's
    terminal.until("got=\x10a")
    terminal.type("\x10\x11")
    assert terminal.end() == 0
    assert terminal.settings() == terminal.before
    assert status_of(run) == "running"
    terminal.size(60, 90)
    terminal.start("ctr-attach", "--detach-keys", "ctrl-x,y", "c")
    terminal.until("60 90")
    terminal.type("\x10\x11z\r")  # not the keys any more
    terminal.until("got=")
    terminal.type("\x18y")
    assert terminal.end() == 0
    assert terminal.settings() == terminal.before
    assert status_of(run) == "running"


def test_left_in_the_background_then_attached(terminal: Terminal, box: Box, run: Commands) -> None:
    detached(box, "read line; stty size; echo got=$line; exit 3", "-it")
    terminal.size(25, 81)
    terminal.start("ctr-attach", "c")
    while not terminal.raw():
        time.sleep(0.01)
    terminal.type("hello\r")
    assert terminal.end() == 3
    assert b"25 81" in terminal.seen
    assert b"got=hello" in terminal.seen
    assert terminal.settings() == terminal.before


def test_keys_of_its_own_with_rm(terminal: Terminal, run: Commands) -> None:
    terminal.start("ctr-run", "--rm", "-it", "--detach-keys", "ctrl-d", "--name", "c", "busybox", "sh", "-c", LOOP)
    terminal.until("ready")
    terminal.type("\x04")
    assert terminal.end() == 0
    assert status_of(run) == "running"
    run("ctr-kill", "c")
    run("ctr-inspect", "c", status=1)


def test_no_keys_at_all(terminal: Terminal, run: Commands) -> None:
    terminal.start("ctr-run", "-it", "--detach-keys", "", "--name", "c", "busybox", "sh", "-c",
                   "echo ready; read line; [ \"$line\" = \"$(printf '\\20\\21')\" ] && exit 5")  # fmt: skip
    terminal.until("ready")
    terminal.type("\x10")
    terminal.type("\x11")  # ctrl-q: the line discipline takes it for itself
    terminal.type("\r")
    assert terminal.end() in (1, 5)


@pytest.mark.parametrize("end", ["term", "hup", "container", "monitor", "int"])
@pytest.mark.parametrize("proxy", [True, False])
def test_settings_come_back(terminal: Terminal, box: Box, run: Commands, end: str, proxy: bool) -> None:
    script = f"trap 'exit 40' TERM HUP INT; {LOOP}"
    options = [] if proxy else ["--sig-proxy=false"]
    terminal.start("ctr-run", "-it", *options, "--name", "c", "busybox", "sh", "-c", script)
    terminal.until("ready")
    assert terminal.raw()
    if end == "container":
        run("ctr-kill", "c")
    elif end == "monitor":
        (place,) = Path(run.env["OCIPIPE_RUN_ROOT"]).glob("containers/*")
        for name in ("monitor", "pid"):
            os.kill(int((place / name).read_text()), signal.SIGKILL)
    else:
        os.kill(terminal.process.pid, getattr(signal, f"SIG{end.upper()}"))
    ended = terminal.end()
    if end in ("container", "monitor"):
        assert ended == (137 if end == "container" else 125)
    elif proxy:
        assert ended == 40
    else:
        assert ended == -getattr(signal, f"SIG{end.upper()}")
        assert status_of(run) == "running"
    assert terminal.settings() == terminal.before


def test_two_terminals_at_once(terminal: Terminal, run: Commands) -> None:
    other = Terminal(run)
    try:
        script = "echo ready; read a; echo got=$a; exit 2"
        terminal.start("ctr-run", "-it", "--name", "c", "busybox", "sh", "-c", script)
        terminal.until("ready")
        other.start("ctr-attach", "c")
        while not other.raw():
            time.sleep(0.01)
        other.type("together\r")
        assert terminal.end() == 2
        assert other.end() == 2
        assert b"got=together" in terminal.seen
        assert b"got=together" in other.seen
        assert other.settings() == other.before
    finally:
        other.close()


def test_much_on_a_terminal(terminal: Terminal) -> None:
    terminal.start("ctr-run", "-t", "--name", "c", "busybox", "sh", "-c", "seq 20000; printf end")
    assert terminal.end() == 0
    assert terminal.seen.replace(b"\r\n", b"\n") == b"".join(b"%d\n" % one for one in range(1, 20001)) + b"end"


def test_a_terminal_needs_one(box: Box, run: Commands) -> None:
    detached(box, "sleep 1000", "-it")
    (error,) = run("ctr-attach", "c", status=2).errors
    assert error["message"].startswith("stdin: is no terminal")
    process = popen(run, "ctr-attach", "--no-stdin", "c", stdout=subprocess.PIPE)
    until_attached(process)
    run("ctr-kill", "c")
    assert process.communicate()[0] == b""
    assert process.returncode == 137
