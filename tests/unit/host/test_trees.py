"""host/trees: removed and measured, however deep a container has made them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ocipipe.host import trees


def deep(directory: Path, levels: int) -> None:
    """Directories in one another, more than a path can name, each with a file beside the next."""
    fd = os.open(directory, os.O_RDONLY)
    for _ in range(levels):
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=fd))
        os.mkdir("inner", dir_fd=fd)
        below = os.open("inner", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def test_deeper_than_calls_and_paths_reach(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "beside").mkdir(parents=True)
    deep(root, 5000)
    deep(root / "beside", 1500)
    measured = int(subprocess.run(["du", "-s", "-B1", str(root)], capture_output=True, check=True).stdout.split()[0])
    assert trees.size(str(root)) == measured
    trees.remove_tree(str(root))
    assert os.listdir(tmp_path) == []
