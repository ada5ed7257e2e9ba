"""Whether criu can do its work on this kernel: asked by itself, without anything of ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def works(directory: Path) -> bool:
    """Whether it can write a process down; its files go to `directory`."""
    if any(shutil.which(one) is None for one in ("criu", "iptables-restore", "runc")):
        return False
    process = subprocess.Popen(["setsid", "sleep", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        argv = ["criu", "dump", "-t", str(process.pid), "-D", directory, "--leave-running"]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    finally:
        process.kill()
        process.wait()
