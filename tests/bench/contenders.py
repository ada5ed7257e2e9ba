"""Who is measured: each with a storage of its own below one directory, and docker with a daemon of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers import LIMITS, DaemonFailed, docker_argv, dockerd


def call(argv: list[str], env: dict[str, str] | None = None) -> None:
    """Runs a program to its end; its failure ends the measurement with what it said."""
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(argv)}: status {done.returncode}\n{done.stderr.decode()[-2000:]}")


class Contender:
    """One tool. Each method gives the argv that does the job; `load` is not measured."""

    name = ""

    def __init__(self, directory: Path, run: Path | None = None) -> None:
        """`run` is for what a reboot takes away, in memory as /run is, where each has it on a user's machine."""
        self.directory = directory
        self.run_directory = run or directory / "run"
        self.env = dict(os.environ)

    def pull(self, reference: str) -> list[str]:
        raise NotImplementedError

    def push(self, source: str, reference: str) -> list[str]:
        raise NotImplementedError

    def run(self, reference: str) -> list[str]:
        raise NotImplementedError

    def load(self, layout: Path, name: str) -> None:
        """Puts the image of an OCI layout into the storage as `name`."""

    def load_archive(self, archive: Path) -> list[str]:
        raise NotImplementedError

    def save(self, name: str, archive: Path) -> list[str]:
        raise NotImplementedError

    def copy(self, source: str, layout: Path) -> list[str]:
        """From a registry into an OCI layout."""
        raise NotImplementedError

    def build(self, context: Path, *options: str) -> list[str]:
        """The image of a Dockerfile whose RUNs have no network."""
        raise NotImplementedError


class Ours(Contender):
    name = "ocipipe"

    def __init__(self, directory: Path, bin: Path, run: Path | None = None) -> None:
        super().__init__(directory, run)
        self.bin = bin
        self.root = directory / "store"
        self.env |= {"OCIPIPE_ROOT": str(self.root), "OCIPIPE_RUN_ROOT": str(self.run_directory)}

    def command(self, name: str, *args: str) -> list[str]:
        return [str(self.bin / name), *args]

    def pull(self, reference: str) -> list[str]:
        return self.command("img-pull", reference)

    def push(self, source: str, reference: str) -> list[str]:
        return self.command("img-push", "--force-compression", "gzip", source, reference)

    def run(self, reference: str) -> list[str]:
        return self.command("ctr-run", "--rm", "--network", "none", reference, "true")

    def load(self, layout: Path, name: str) -> None:
        from images import read_layout

        read_layout(layout).into_store(self.root, name)

    def load_archive(self, archive: Path) -> list[str]:
        return self.command("img-load", "-i", str(archive))

    def save(self, name: str, archive: Path) -> list[str]:
        return self.command("img-save", "-o", str(archive), name)

    def copy(self, source: str, layout: Path) -> list[str]:
        return self.command("img-copy", source, f"oci:{layout}:1")

    def build(self, context: Path, *options: str) -> list[str]:
        return self.command("img-build", "-q", "--network", "none", "-t", "bench", *options, str(context))


class Podman(Contender):
    name = "podman"

    def command(self, *args: str) -> list[str]:
        runtime = [] if Path("/sys/fs/cgroup/cgroup.controllers").exists() else ["--runtime", "runc"]
        return [
            "podman", "--root", str(self.directory / "root"), "--runroot", str(self.run_directory), "--tmpdir",
            str(self.run_directory / "tmp"), "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs",
            "--events-backend", "none", *runtime, *args,
        ]  # fmt: skip

    def pull(self, reference: str) -> list[str]:
        return self.command("pull", "-q", "--tls-verify=false", reference)

    def push(self, source: str, reference: str) -> list[str]:
        return self.command("push", "-q", "--tls-verify=false", source, f"docker://{reference}")

    def run(self, reference: str) -> list[str]:
        return self.command("run", "--rm", "--network", "none", *LIMITS, reference, "true")

    def load(self, layout: Path, name: str) -> None:
        call(["skopeo", "copy", "-q", f"oci:{layout}", f"oci-archive:{self.directory}/load.tar:{name}"])
        call(self.command("load", "-q", "-i", f"{self.directory}/load.tar"))
        (self.directory / "load.tar").unlink()

    def load_archive(self, archive: Path) -> list[str]:
        return self.command("load", "-q", "-i", str(archive))

    def save(self, name: str, archive: Path) -> list[str]:
        return self.command("save", "-q", "-o", str(archive), name)

    def build(self, context: Path, *options: str) -> list[str]:
        known = ["-q", "--network", "none", "--layers", "--jobs", "4", "-t", "bench"]
        return self.command("build", *known, *options, str(context))


class Skopeo(Contender):
    """Copies into a layout: no unpacking, nothing to run."""

    name = "skopeo (no unpack)"

    def pull(self, reference: str) -> list[str]:
        return self.copy(reference, self.directory / reference.rpartition(":")[2])

    def copy(self, source: str, layout: Path) -> list[str]:
        return ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{source}", f"oci:{layout}:1"]


class Docker(Contender):
    name = "docker"

    def command(self, *args: str) -> list[str]:
        return docker_argv(self.directory, *args)

    def pull(self, reference: str) -> list[str]:
        return self.command("pull", "-q", reference)

    def push(self, source: str, reference: str) -> list[str]:
        tag, send = self.command("tag", source, reference), self.command("push", "-q", reference)
        return ["sh", "-c", f"{' '.join(tag)} && exec {' '.join(send)}"]

    def run(self, reference: str) -> list[str]:
        return self.command("run", "--rm", "--network", "none", reference, "true")

    def load(self, layout: Path, name: str) -> None:
        call(["skopeo", "copy", "-q", f"oci:{layout}", f"docker-archive:{self.directory}/load.tar:{name}"])
        call(self.command("load", "-q", "-i", f"{self.directory}/load.tar"))
        (self.directory / "load.tar").unlink()

    def load_archive(self, archive: Path) -> list[str]:
        return self.command("load", "-q", "-i", str(archive))

    def save(self, name: str, archive: Path) -> list[str]:
        return self.command("save", "-o", str(archive), name)

    def build(self, context: Path, *options: str) -> list[str]:
        argv = self.command("build", "-q", "--network", "none", "-t", "bench", *options, str(context))
        return ["env", "DOCKER_BUILDKIT=1", *argv]


@contextmanager
def docker_daemon(directory: Path) -> Iterator[Docker]:
    """dockerd with its data below `directory`, no bridge and no firewall rules; stopped at the end."""
    try:
        with dockerd(directory):
            yield Docker(directory)
    except DaemonFailed as error:
        raise SystemExit(f"bench: {error}") from None
