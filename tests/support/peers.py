"""skopeo, podman, docker and umoci, as the tests call them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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


class DaemonFailed(Exception):
    """dockerd did not start."""


def docker_argv(directory: Path, *args: str) -> list[str]:
    """A command of docker's client for the daemon in `directory`: Debian's, whatever else is on the PATH."""
    return [shutil.which("docker", path="/usr/bin") or "docker", "--host", f"unix://{directory}/socket", *args]


@contextmanager
def dockerd(directory: Path, before: Sequence[str] = (), *, network: bool = False) -> Iterator[None]:
    """dockerd with its data below `directory`, stopped at the end; no bridge and no firewall rules without `network`.
    `before` are words that run it somewhere else."""
    directory.mkdir(parents=True)
    argv = [
        *before, "dockerd", "--host", f"unix://{directory}/socket", "--data-root", f"{directory}/data", "--exec-root",
        f"{directory}/exec", "--pidfile", f"{directory}/pid", "--storage-driver", "overlay2",
    ]  # fmt: skip
    if not network:
        argv += ["--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
    with ExitStack() as stack:
        log = stack.enter_context(open(directory / "log", "wb"))
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        ready = False
        for _ in range(300):
            version = docker_argv(directory, "version")
            ready = subprocess.run(version, capture_output=True, check=False).returncode == 0
            if ready or process.poll() is not None:
                break
            time.sleep(0.1)
        if not ready:
            raise DaemonFailed(f"dockerd did not start\n{(directory / 'log').read_text()[-2000:]}")
        yield


class Docker:
    """docker with a daemon of its own (`dockerd`) in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, *args: str, **settings: Any) -> bytes:
        return call(*docker_argv(self.directory, *args), **settings)
