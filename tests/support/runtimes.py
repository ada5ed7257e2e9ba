"""A runtime that takes its time, for what others see meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path


class SlowRuntime:
    """runc, which at `create` makes the file `came`, and goes on once there is `go`. Its path is for --runtime."""

    def __init__(self, directory: Path) -> None:
        self.came = directory / "came"
        self.go = directory / "go"
        self.path = directory / "runc"
        waits = f"touch {self.came}; until [ -e {self.go} ]; do sleep 0.02; done"
        self.path.write_text(
            f'#!/bin/sh\ncase " $* " in *" create "*) {waits};; esac\nexec {shutil.which("runc")} "$@"\n'
        )
        self.path.chmod(0o755)
