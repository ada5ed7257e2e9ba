"""ctr-exec: status, streams, who it runs as, refusals, signals, terminals, what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from leaks import processes
from terminals import Terminal

LOOP = "echo ready; while :; do sleep 0.05; done"
KILL = "for one in /proc/[0-9]*; do [ ${one#/proc/} = 1 ] || [ ${one#/proc/} = $$ ] || kill -9 ${one#/proc/}; done"
"""Ends every process of a container but its first."""


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Box]:
    yield stored(run, store_root, busybox_image)
    run.shell("ctr-ps -aq | xargs -r ctr-rm -f", status=None)


@pytest.fixture
def web(box: Box) -> str:
    """The id of a running container named web, which ends at once when it is asked to."""
    made = box("-d", "--name", "web", "-e", "FROM=container", "-w", "/work", "--", "sleep", "1000", rm=False)
    return str(json.loads(made.out)["id"])


@pytest.fixture
def terminal(box: Box, web: str) -> Iterator[Terminal]:
    made = Terminal(box.run)
    yield made
    made.close()


def refused(run: Commands, *argv: str, status: int = 125) -> str:
    done = run("ctr-exec", *argv, status=status)
    assert done.out == b""
    (error,) = json.loads(done.err.splitlines()[-1])["errors"]  # before it, there may be the runtime's own words
    assert error["code"] != "INTERNAL", error
    return str(error["message"])


def own_directories(run: Commands, container: str) -> list[Path]:
    """What executions have in run-time state."""
    return list(Path(run.env["OCIPIPE_RUN_ROOT"], "containers", container).glob("exec/*"))


def events(run: Commands) -> list[tuple[str, dict[str, str]]]:
    found = [json.loads(line) for line in run("ctr-events", "--since", "0", "--until", "0s").out.splitlines()]
    return [(one["action"], one["detail"]) for one in found if one["action"].startswith("exec_")]


def popen(run: Commands, *argv: str, **streams: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([run.bin / "ctr-exec", *argv], env=run.env, **streams)


def test_status_and_streams(run: Commands, web: str) -> None:
    done = run("ctr-exec", "web", "sh", "-c", "cat; echo out; echo err >&2; exit 9", input=b"not for it\n", status=9)
    assert (done.out, done.err) == (b"out\n", b"err\n")
    assert run("ctr-exec", "-i", web[:8], "tr", "a-z", "A-Z", input=b"hello").out == b"HELLO"
    assert run("ctr-exec", "web", "sh", "-c", "kill -KILL $$", status=137).err == b""
    assert own_directories(run, web) == []
    assert run.shell("ctr-exec -i web cat </dev/zero | head -c 3000000 | wc -c", status=141).out.strip() == b"3000000"


def test_it_is_in_the_container(run: Commands, web: str) -> None:
    assert run("ctr-exec", "web", "cat", "/proc/1/cmdline").out == b"sleep\x001000\x00"
    assert run("ctr-exec", "web", "hostname").out.decode().strip() == web[:12]
    assert f"ocipipe/{web}" in run("ctr-exec", "web", "cat", "/proc/1/cgroup").out.decode()
    assert run("ctr-exec", "web", "cat", "/proc/self/cgroup").out == run("ctr-exec", "web", "cat", "/proc/1/cgroup").out


def test_environment_and_directory(run: Commands, web: str, tmp_path: Path) -> None:
    assert run("ctr-exec", "web", "sh", "-c", "pwd; echo $FROM").out == b"/work\ncontainer\n"
    (tmp_path / "env").write_text("# mine\nFROM=file\nTWO=2\n")
    script = "pwd; echo $FROM $TWO $HERE $NONE"
    options = ["--env-file", str(tmp_path / "env"), "-e", "TWO=two", "-e", "HERE", "-e", "NONE", "-w", "/tmp/.."]
    done = run("ctr-exec", *options, "web", "sh", "-c", script, env={"HERE": "here"})
    assert done.out == b"/\nfile two here\n"
    assert refused(run, "-w", "/no/where", "web", "true").startswith("/no/where: no such directory in the container")
    assert refused(run, "-w", "etc", "web", "true", status=2).startswith("--workdir etc: ")
    assert refused(run, "--env-file", "/no/file", "web", "true").startswith("/no/file: ")


def test_users(run: Commands, box: Box, store_root: Path) -> None:
    passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n"
    run("ctr-run", "-d", "--name", "web", "busybox", "sleep", "1000")
    run("ctr-exec", "-i", "web", "sh", "-c", "cat >/etc/passwd", input=passwd.encode())
    run("ctr-exec", "-i", "web", "sh", "-c", "cat >/etc/group", input=b"ada:x:1000:\nmail:x:8:ada\n")
    show = ("sh", "-c", "id -u; id -g; id -G; echo $HOME; grep CapEff /proc/self/status")
    none = "CapEff:\t0000000000000000"
    assert run("ctr-exec", "-u", "ada", "web", *show).out.decode().split("\n")[:5] == [
        "1000", "1000", "1000 8", "/home/ada", none,
    ]  # fmt: skip
    assert run("ctr-exec", "-u", "12:34", "web", *show).out.decode().split("\n")[:5] == ["12", "34", "34", "/", none]
    own = run("ctr-exec", "web", *show).out.decode().split("\n")
    assert own[0] == "0"
    assert own[4] != none
    assert run("ctr-exec", "-u", "0", "web", *show).out.decode().split("\n")[4] == own[4]
    assert run("ctr-exec", "-u", "ada", "-e", "HOME=/x", "web", "sh", "-c", "echo $HOME").out == b"/x\n"
    assert refused(run, "-u", "bob", "web", "true").startswith("bob: no such user")
    mine = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd"))
    for user, sets in (("0", "CapBnd CapEff CapPrm"), ("ada", "CapBnd")):
        for name in sets.split():
            seen = run("ctr-exec", "--privileged", "-u", user, "web", "grep", name, "/proc/self/status").out.decode()
            assert seen.split()[1] == mine.split()[1]


def test_groups_beside_the_user_s_own(run: Commands, box: Box) -> None:
    """--group-add is the container's: whoever runs in it has them, looked up anew for another user, as docker does."""
    run("ctr-run", "-d", "--name", "web", "--group-add", "77", "--group-add", "0", "busybox", "sleep", "1000")
    assert run("ctr-exec", "web", "id", "-G").out == b"0 77\n"
    assert run("ctr-exec", "-u", "12:34", "web", "id", "-G").out == b"34 0 77\n"
    run.shell("ctr-inspect web | ctr-create --name again - | ctr-start")
    assert run("ctr-exec", "-u", "12", "again", "id", "-G").out == b"0 77\n"


def test_the_container_s_restrictions_hold(box: Box, run: Commands) -> None:
    box("-d", "--name", "web", "--user", "7:7", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--ulimit", "core=0", "--read-only", "--", "sleep", "1000", rm=False)  # fmt: skip
    script = "id -u; grep -e CapBnd -e NoNewPrivs -e Seccomp: /proc/self/status; ulimit -c; touch /x"
    done = run("ctr-exec", "web", "sh", "-c", script, status=1)
    words = done.out.decode().split()
    assert words == ["7", "CapBnd:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2", "0"]
    assert b"Read-only" in done.err
    assert run("ctr-exec", "-u", "0", "web", "grep", "CapEff", "/proc/self/status").out.split()[1] == b"0" * 16


def test_what_cannot_be_executed(run: Commands, web: str) -> None:
    assert refused(run, "web", "no-such-program", status=127).startswith("no-such-program: command not found")
    assert refused(run, "web", "/no/such", status=127).startswith("/no/such: no such file in the container")
    assert refused(run, "web", "/etc/hosts", status=126).startswith("/etc/hosts: permission denied")
    run("ctr-exec", "web", "sh", "-c", "printf '#!/no/shell\\n' >/s; chmod +x /s")
    assert refused(run, "web", "/s", status=127).startswith("/s: its interpreter /no/shell")
    assert refused(run, "-u", "5", "-e", "PATH=/root", "web", "x", status=127).startswith("x: ")
    assert refused(run, "web", "", status=127).startswith("'': ")
    run("ctr-exec", "web", "sh", "-c", "cp /bin/busybox /dev/shm/sleep")
    assert refused(run, "web", "/dev/shm/sleep", "0", status=126).startswith("/dev/shm/sleep: ")  # noexec


def test_a_container_that_takes_no_process(run: Commands, web: str) -> None:
    run("ctr-pause", "web")
    assert refused(run, "web", "true") == "web: is paused, and takes no further process (ctr-unpause it first)"
    run("ctr-unpause", "web")
    run("ctr-kill", "web")
    assert refused(run, "web", "true") == "web: is stopped, and takes no further process (ctr-start it first)"
    assert refused(run, "-d", "web", "true").startswith("web: is stopped")
    run("ctr-create", "--name", "new", "busybox")
    assert refused(run, "new", "true").startswith("new: is created")
    assert refused(run, "none", "true").startswith("none: no such container")
    assert events(run) == []


def test_options_that_do_not_go_together(run: Commands, web: str) -> None:
    assert refused(run, "-d", "-i", "web", "true", status=2).startswith("--interactive: does not go with --detach")
    assert refused(run, "-t", "web", "true", status=2).startswith("--tty: standard input is no terminal")
    for options in (["--detach-keys", "ctrl-x"], ["-dt", "--detach-keys", "ctrl-x"]):
        assert refused(run, *options, "web", "true", status=2).startswith("--detach-keys: ")
    assert refused(run, "web", status=2).startswith("COMMAND: missing operand")


def test_the_runtime_s_own_refusal(box: Box, run: Commands, web: str) -> None:
    """What nobody can see by looking: the runtime's words, our status, and no process."""
    path = box.root / "containers" / web / "config.json"
    config = json.loads(path.read_text())
    config["process"]["apparmorProfile"] = "there-is-no-such-profile"
    path.write_text(json.dumps(config))
    for options in ([], ["-d"]):
        assert refused(run, *options, "web", "true").startswith("web: runc cannot start the process: ")
    assert [action for action, _ in events(run)][-3:] == ["exec_start", "exec_die", "exec_start"]
    assert own_directories(run, web) == []


def test_the_container_on_stdin(run: Commands, web: str) -> None:
    assert run.shell("ctr-ps | ctr-exec - hostname").out.decode().strip() == web[:12]
    assert run.shell("{ ctr-ps; echo more; } | ctr-exec -i - cat").out == b"more\n"
    assert run.shell("{ ctr-inspect web | ctr-exec - sh -c 'exit 3'; }", status=3).out == b""


def test_events(run: Commands, web: str) -> None:
    run("ctr-exec", "web", "sh", "-c", "exit 4", status=4)
    run("ctr-exec", "-d", "web", "true")
    (start, first), (die, second), (left, _) = events(run)
    assert (start, die, left) == ("exec_start", "exec_die", "exec_start")
    assert first == {"execID": second["execID"], "command": "sh -c exit 4"}
    assert second["exitCode"] == "4"


def test_signals_go_on(run: Commands, web: str) -> None:
    for name in ("TERM", "USR1"):
        process = popen(run, "web", "sh", "-c", f"trap 'exit 5' {name}; {LOOP}", stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(getattr(signal, f"SIG{name}"))
        assert process.wait() == 5
        process.stdout.close()
    process = popen(run, "web", "sh", "-c", LOOP, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    process.stdout.close()


def test_the_container_ends_meanwhile(run: Commands, web: str) -> None:
    process = popen(run, "web", "sh", "-c", LOOP, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    run("ctr-kill", "web")
    _, err = process.communicate()
    assert (process.returncode, err) == (137, b"")


@pytest.mark.parametrize("whom", ["command", "runtime"])
def test_kill_9(run: Commands, web: str, tmp_path: Path, whom: str) -> None:
    """The process goes on without the command; nothing is left that the container's removal does not take away."""
    process = popen(run, "web", "sh", "-c", LOOP, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(process.pid if whom == "command" else int(child), signal.SIGKILL)
    assert process.wait() == (-9 if whom == "command" else 137)
    process.stdout.close()
    assert run("ctr-exec", "web", "true").out == b""
    run("ctr-rm", "-f", "web")
    assert processes(tmp_path) == {}
    assert list(Path(run.env["OCIPIPE_RUN_ROOT"], "containers").iterdir()) == []


def test_in_the_background(run: Commands, web: str) -> None:
    began = run("ctr-exec", "-d", "web", "sh", "-c", "echo $$ >/tmp/pid; exec sleep 500")
    assert (began.out, began.err) == (b"", b"")
    while not run("ctr-exec", "web", "cat", "/tmp/pid", status=None).out:
        pass
    assert b"sleep 500" in run("ctr-exec", "web", "ps").out
    assert own_directories(run, web) == []


def test_in_the_background_on_a_terminal(run: Commands, web: str) -> None:
    done = run("ctr-exec", "-dit", "web", "sh", "-c", "tty >/tmp/tty; echo $TERM >>/tmp/tty; read line")
    assert (done.out, done.err) == (b"", b"")
    while len(run("ctr-exec", "web", "cat", "/tmp/tty", status=None).out.splitlines()) < 2:
        pass
    name, term = run("ctr-exec", "web", "cat", "/tmp/tty").out.decode().split()
    assert name.startswith("/dev/pts/")
    assert term == "xterm"
    run("ctr-exec", "web", "sh", "-c", KILL)
    while own_directories(run, web):
        time.sleep(0.01)


def test_beside_a_command_s_own_child(box: Box, run: Commands) -> None:
    """A foreground ctr-run --rm has no monitor; its container takes processes all the same."""
    argv = [run.bin / "ctr-run", "--rm", "--name", "fore", "busybox", "sh", "-c", LOOP]
    process = subprocess.Popen(argv, env=run.env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    assert run("ctr-exec", "fore", "cat", "/proc/1/comm").out == b"sh\n"
    run("ctr-kill", "fore")
    assert process.wait() == 137
    process.stdout.close()


def test_much_of_both_streams(run: Commands, web: str, tmp_path: Path) -> None:
    size = 50 << 20
    data = os.urandom(1 << 20) * 50
    (tmp_path / "in").write_bytes(data)
    script = "ctr-exec -i web tee /dev/stderr <in >out 2>err"
    run.shell(script, cwd=tmp_path)
    for name in ("out", "err"):
        found = (tmp_path / name).read_bytes()
        assert len(found) == size
        assert hashlib.sha256(found).digest() == hashlib.sha256(data).digest()


def test_no_room_for_what_it_says(run: Commands, web: str) -> None:
    """Nor is there any for what an attached monitor brings."""
    for command in ("ctr-exec web", "ctr-run --rm --log-driver json busybox"):
        done = run.shell(f"{command} echo much >/dev/full", status=125)
        (error,) = done.errors
        assert error["message"].startswith("stdout: not all could be written: no space left on device ("), command


@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_stream_is_no_file_of_the_runtime_s(run: Commands, web: str, closed: int) -> None:
    for command in ("ctr-exec web", "ctr-run --rm busybox"):
        script = f"{command} sh -c 'readlink /proc/$$/fd/{closed} >&{3 - closed}' {closed}>&-"
        assert b"runtime.log" not in run.shell(f"({script}) {3 - closed}>&1").out, command


def test_a_shell_on_a_terminal(terminal: Terminal) -> None:
    terminal.size(33, 101)
    script = "tty; stty size; echo TERM=$TERM; read line; echo got=$line; exit 6"
    terminal.start("ctr-exec", "-it", "web", "sh", "-c", script)
    terminal.until("TERM=xterm")
    assert b"/dev/pts/" in terminal.seen
    assert b"33 101" in terminal.seen
    assert terminal.raw()
    terminal.type("hello\r")
    assert terminal.end() == 6
    assert b"got=hello" in terminal.seen
    assert terminal.settings() == terminal.before


@pytest.mark.parametrize("keys", [(), ("--detach-keys", "ctrl-x")])
def test_the_window_and_the_keys(terminal: Terminal, keys: tuple[str, ...]) -> None:
    terminal.size(20, 40)
    script = f"trap 'stty size' WINCH; trap 'exit 8' INT; stty size; {LOOP}"
    terminal.start("ctr-exec", "-it", *keys, "web", "sh", "-c", script)
    terminal.until("20 40")
    terminal.until("ready")
    terminal.size(50, 132)
    terminal.until("50 132")
    terminal.type("\x03")
    assert terminal.end() == 8
    assert terminal.settings() == terminal.before


def test_the_last_of_many_sizes(terminal: Terminal, run: Commands) -> None:
    """What the monitor finds waiting together is not all of it lost but the first."""
    terminal.size(20, 40)
    script = f"trap 'stty size' WINCH; trap 'exit 8' INT; {LOOP}"
    terminal.start("ctr-exec", "-it", "--detach-keys", "ctrl-x", "web", "sh", "-c", script)
    terminal.until("ready")
    (directory,) = Path(run.env["OCIPIPE_RUN_ROOT"]).glob("containers/*/exec/*")
    monitor = int((directory / "monitor").read_text())
    os.kill(monitor, signal.SIGSTOP)
    for rows in range(21, 29):
        terminal.size(rows, 40)
        time.sleep(0.05)
    os.kill(monitor, signal.SIGCONT)
    terminal.until("28 40")
    terminal.type("\x03")
    assert terminal.end() == 8


@pytest.mark.parametrize("keys", [(), ("--detach-keys", "ctrl-x")])
@pytest.mark.parametrize("end", ["term", "container", "runtime"])
def test_settings_come_back(terminal: Terminal, run: Commands, keys: tuple[str, ...], end: str) -> None:
    terminal.start("ctr-exec", "-it", *keys, "web", "sh", "-c", LOOP)
    terminal.until("ready")
    assert terminal.raw()
    if end == "term":
        os.kill(terminal.process.pid, signal.SIGTERM)
    elif end == "container":
        run("ctr-kill", "web")
    elif keys:
        (directory,) = Path(run.env["OCIPIPE_RUN_ROOT"]).glob("containers/*/exec/*")
        os.kill(int((directory / "monitor").read_text()), signal.SIGKILL)
    else:
        pid = terminal.process.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
    expected = {"term": 143, "container": 137, "runtime": 125 if keys else 137}
    assert terminal.end() == expected[end]
    assert terminal.settings() == terminal.before


def test_keys_that_leave_it_running(terminal: Terminal, run: Commands, web: str) -> None:
    script = "trap 'exit 3' HUP; echo ready; read line; echo $line >/tmp/line; sleep 1000"
    terminal.start("ctr-exec", "-it", "--detach-keys", "ctrl-a,x", "web", "sh", "-c", script)
    terminal.until("ready")
    terminal.type("\x01y\r")  # only their beginning: the process's
    while run("ctr-exec", "web", "cat", "/tmp/line", status=None).out != b"\x01y\n":
        time.sleep(0.02)
    terminal.type("\x01")
    terminal.type("x")
    assert terminal.end() == 0
    assert terminal.settings() == terminal.before
    assert b"sleep 1000" in run("ctr-exec", "web", "ps").out
    assert [action for action, _ in events(run)][-3] == "exec_detach"
    run("ctr-exec", "web", "sh", "-c", KILL)
    while own_directories(run, web):
        time.sleep(0.01)


def test_settings_stay_when_it_cannot_start(terminal: Terminal) -> None:
    terminal.start("ctr-exec", "-it", "web", "no-such-program")
    assert terminal.end() == 127
    assert terminal.settings() == terminal.before


def test_a_terminal_whose_reader_is_slow(terminal: Terminal) -> None:
    terminal.start("ctr-exec", "-t", "--detach-keys", "ctrl-x", "web", "sh", "-c", "seq 20000; printf end")
    assert terminal.end() == 0
    assert terminal.seen.replace(b"\r\n", b"\n") == b"".join(b"%d\n" % one for one in range(1, 20001)) + b"end"
