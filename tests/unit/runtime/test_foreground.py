"""Signals that come before a container's process is known: they wait until it takes them, however it does that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

SCRIPT = """
import os, sys, time
from ocipipe.host import process
from ocipipe.runtime import foreground

began = time.monotonic()
pid = 0

def start():
    global pid
    pid = process.spawn(sys.argv[1:], env=os.environ)
    return pid

def known():
    return pid if time.monotonic() - began > 1 else 0

def stop():
    print("stopped", flush=True)
    os.kill(pid, 9)

sys.exit(foreground.run(start, known, stop, terminal=False))
"""
TRAPS = ["/bin/sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"]
IGNORES = ["/bin/sh", "-c", "trap '' TERM; echo ready; exec sleep 100"]


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (TRAPS, 7, b""),
        (["/usr/bin/tini", "-s", "--", *TRAPS], 7, b""),  # waits in sigtimedwait, where it shows no mask
        (IGNORES, -signal.SIGTERM, b"stopped\n"),
    ],
    ids=["caught", "waited for", "ignored"],
)
def test_a_signal_that_comes_early(argv: list[str], status: int, said: bytes) -> None:
    command = subprocess.Popen([sys.executable, "-c", SCRIPT, *argv], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert command.stdout is not None
        assert command.stdout.readline() == b"ready\n"
        command.send_signal(signal.SIGTERM)
        assert (command.stdout.read(), command.wait(timeout=60)) == (said, status)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
        command.wait()
        command.stdout.close()


BECOMES = """
def start():
    global pid
    pid = os.fork()
    if not pid:
        try:
            become(sys.argv[1])
        finally:
            os._exit(255)
    return pid

def become(name):
    numbers = {signal.SIGTERM, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    for number in numbers:
        signal.signal(number, lambda *_: os._exit(2))
    with open("/proc/self/comm", "w") as file:
        file.write(name)
    print("ready", flush=True)
    time.sleep(0.3)
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)  # the program's own, or it could come before that is ready
    program = f"import signal, sys; sys.exit(signal.sigwait({sorted(map(int, numbers))}))"
    os.execv(sys.executable, [sys.executable, "-c", program])

import signal
sys.exit(foreground.run(start, lambda: pid, lambda: None, apart=True))
"""
"""A runtime's first process: forked of it, with its name, it ends by a signal as it likes, until it is the program."""


@pytest.mark.parametrize("name", ["runc:[2:INIT]", "crun", "crun-1.20"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_that_comes_before_the_program(name: str, number: signal.Signals) -> None:
    script = SCRIPT.replace(SCRIPT[SCRIPT.index("sys.exit") :], BECOMES)
    command = subprocess.Popen([sys.executable, "-c", script, name], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert command.stdout is not None
        assert command.stdout.readline() == b"ready\n"
        command.send_signal(number)
        assert (command.stdout.read(), command.wait(timeout=60)) == (b"", number)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
        command.wait()
        command.stdout.close()
