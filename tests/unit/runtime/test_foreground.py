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
