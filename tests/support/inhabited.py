"""A container with a process in it, for as long as a test looks at it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boxes import Box


@contextmanager
def running(box: Box, script: str, *options: str | Path, name: str = "runs") -> Iterator[str]:
    """The name of a container whose shell runs `script`, once that has said a line; it is killed at the end."""
    argv = [str(box.run.bin / "ctr-run"), "--rm", "--name", name, *map(str, options), "busybox", "sh", "-c", script]
    process = subprocess.Popen(argv, env=box.run.env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout
    try:
        assert process.stdout.readline(), "it ended before it said anything"
        yield name
    finally:
        for record in box.records():
            if record["name"] == name:
                kill = [record["runtime"], "--root", record["runtimeRoot"], "kill", record["id"], "KILL"]
                subprocess.run(kill, check=False, capture_output=True)
        process.communicate(timeout=60)
