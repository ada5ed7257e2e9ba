"""skopeo, podman and umoci, as the tests call them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from images import Image


def call(*argv: str | Path, **settings: Any) -> bytes:
    """Another tool's stdout; its failure shows what it said."""
    done = subprocess.run(list(map(str, argv)), capture_output=True, check=False, timeout=240, **settings)
    assert done.returncode == 0, f"{argv}: {done.stderr.decode()}"
    return done.stdout


def skopeo_push(made: Image, reference: str, directory: Path, *args: str) -> None:
    call("skopeo", "copy", "-q", "--dest-tls-verify=false", *args,
         f"oci:{made.write_layout(directory / 'layout')}", f"docker://{reference}")  # fmt: skip


LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
"""For podman's run, which raises limits otherwise: not every machine lets root do that."""


class Podman:
    """podman with a storage of its own, and no network."""

    def __init__(self, directory: Path) -> None:
        # On hosts without pure cgroup v2 crun refuses, and elsewhere it is podman's own choice.
        runtime = [] if Path("/sys/fs/cgroup/cgroup.controllers").exists() else ["--runtime", "runc"]
        self.argv = [
            "podman", "--root", str(directory / "root"), "--runroot", str(directory / "run"), "--tmpdir",
            str(directory / "tmp"), "--storage-driver", "vfs", "--events-backend", "none", "--cgroup-manager",
            "cgroupfs", *runtime,
        ]  # fmt: skip

    def __call__(self, *args: str) -> bytes:
        return call(*self.argv, *args)
