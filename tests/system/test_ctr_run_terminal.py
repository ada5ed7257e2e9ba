"""ctr-run on a terminal: a real one (pty), whose settings are looked at before, meanwhile and after (pitfall 33)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from terminals import Terminal


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


@pytest.fixture
def terminal(box: Box) -> Iterator[Terminal]:
    made = Terminal(box.run)
    yield made
    made.close()


def test_a_shell_on_a_terminal(terminal: Terminal) -> None:
    terminal.size(33, 101)
    script = "tty; stty size; echo TERM=$TERM; read line; echo got=$line; exit 6"
    terminal.start("ctr-run", "--rm", "-it", "busybox", "sh", "-c", script)
    terminal.until("TERM=xterm")
    assert b"/dev/pts/0" in terminal.seen
    assert b"33 101" in terminal.seen
    assert terminal.raw()
    terminal.type("hello\r")
    assert terminal.end() == 6
    assert b"got=hello" in terminal.seen
    assert terminal.settings() == terminal.before


def test_the_window_changes_its_size(terminal: Terminal) -> None:
    terminal.size(20, 40)
    script = "trap 'stty size' WINCH; trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    terminal.start("ctr-run", "--rm", "-it", "busybox", "sh", "-c", script)
    terminal.until("ready")
    terminal.size(50, 132)
    terminal.until("50 132")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 3


def test_keys_are_the_process_s(terminal: Terminal) -> None:
    script = "trap 'echo interrupted; exit 8' INT; echo ready; while :; do sleep 0.05; done"
    terminal.start("ctr-run", "--rm", "-it", "busybox", "sh", "-c", script)
    terminal.until("ready")
    terminal.type("\x03")
    assert terminal.end() == 8
    assert b"interrupted" in terminal.seen
    assert terminal.settings() == terminal.before


@pytest.mark.parametrize("whom", ["command", "runtime"])
def test_settings_come_back_after_a_kill(box: Box, terminal: Terminal, whom: str) -> None:
    terminal.start("ctr-run", "--rm", "-it", "--init", "busybox", "sh", "-c", "echo ready; sleep 1000")
    terminal.until("ready")
    assert terminal.raw()
    pid = terminal.process.pid
    if whom == "command":
        os.kill(pid, signal.SIGTERM)
    else:
        # The runtime tells that it runs, a little later.
        while not list(box.root.parent.glob("run/containers/*/pid")):
            time.sleep(0.01)
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
    assert terminal.end() == (143 if whom == "command" else 137)
    assert terminal.settings() == terminal.before
    assert box.left() == []


def test_settings_stay_when_it_cannot_start(terminal: Terminal) -> None:
    terminal.start("ctr-run", "--rm", "-it", "busybox", "no-such-program")
    assert terminal.end() == 127
    terminal.process = None
    terminal.start("ctr-run", "--rm", "-it", "--sysctl", "net.nothing=1", "busybox", "true")
    assert terminal.end() == 125
    assert terminal.settings() == terminal.before


def test_interactive_alone_leaves_the_terminal_as_it_is(terminal: Terminal) -> None:
    terminal.start("ctr-run", "--rm", "-i", "busybox", "sh", "-c", "echo ready; tty; read line; echo got=$line")
    terminal.until("ready")
    assert not terminal.raw()
    terminal.type("hello\n")
    assert terminal.end() == 0
    assert b"got=hello" in terminal.seen


def test_a_terminal_without_input(terminal: Terminal) -> None:
    terminal.start("ctr-run", "--rm", "-t", "busybox", "sh", "-c", "tty; stty size >/dev/null && echo shown")
    assert terminal.end() == 0
    assert b"shown" in terminal.seen
    assert terminal.settings() == terminal.before


def test_keys_of_a_terminal_alone(terminal: Terminal) -> None:
    """The runtime makes the terminal raw with -t alone as well: if its keys went nowhere, nobody could end it."""
    script = "trap 'exit 8' INT; echo ready; while :; do sleep 0.05; done"
    terminal.start("ctr-run", "--rm", "-t", "busybox", "sh", "-c", script)
    terminal.until("ready")
    terminal.type("\x03")
    assert terminal.end() == 8
    assert terminal.settings() == terminal.before


def test_without_a_terminal_it_is_refused(box: Box) -> None:
    assert box.refused("-t").startswith("--tty: standard input is no terminal")
    assert box.refused("-it").startswith("--tty: ")
    assert box.records() == []
