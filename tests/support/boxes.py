"""Containers of the busybox image: our ctr-run in a store that has it, and what a container tells of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import leaks
from cli_world import Outcome
from commands import Commands
from images import Image

NAME = "docker.io/library/busybox:latest"


class Box:
    """`box("--memory", "64m", "--", "cat", "/proc/1/limits")`: options, `--`, and the command in the container."""

    def __init__(self, run: Commands, store_root: Path) -> None:
        self.run = run
        self.root = store_root

    def __call__(self, *argv: str | Path, status: int | None = 0, rm: bool = True, **settings: Any) -> Outcome:
        options, command = split(argv)
        return self.run("ctr-run", *(["--rm"] if rm else []), *options, "busybox", *command, status=status, **settings)

    def text(self, *argv: str | Path, **settings: Any) -> str:
        """What the command says."""
        return self(*argv, **settings).out.decode()

    def sh(self, script: str, *options: str | Path, **settings: Any) -> str:
        """What a shell script in the container says."""
        return self.text(*options, "--", "sh", "-c", script, **settings)

    def refused(self, *argv: str | Path) -> str:
        """The one message of a run that is refused: our failure, or usage."""
        done = self(*argv, status=None)
        assert done.status in (2, 125), (done.status, done.out, done.err)
        assert done.out == b""
        told = json.loads(done.err.splitlines()[-1])  # before it, there may be the runtime's own words
        (error,) = told["errors"]
        assert error["code"] != "INTERNAL", error
        return str(error["message"])

    def records(self) -> list[dict[str, Any]]:
        """The records of all containers."""
        return [json.loads(path.read_bytes()) for path in sorted(self.root.glob("containers/*/record.json"))]

    def config(self, container_id: str) -> dict[str, Any]:
        """The runtime config of a container that was kept."""
        found: dict[str, Any] = json.loads((self.root / "containers" / container_id / "config.json").read_bytes())
        return found

    def left(self) -> list[str]:
        """What is left of containers: files and directories, mounts."""
        base = self.root / "containers"
        found = leaks.of_containers(base)
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return found + [line for line in mounts if str(self.root) in line]


def split(argv: tuple[str | Path, ...]) -> tuple[list[str | Path], list[str | Path]]:
    """What stands before and after `--`; all is options without."""
    words = list(argv)
    if "--" not in words:
        return words, ["true"]
    at = words.index("--")
    return words[:at], words[at + 1 :]


def stored(run: Commands, store_root: Path, image: Image) -> Box:
    """A box of `image`, which is put into the store."""
    image.into_store(store_root, NAME)
    return Box(run, store_root)


def container_record(digit: str, volumes: list[str] | None = None) -> dict[str, Any]:
    """The record of a container c<digit> of no image, that uses these volumes."""
    image = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'5' * 64}", "size": 2,
    }  # fmt: skip
    return {
        "id": digit * 64, "name": f"c{digit}", "image": image, "chainIds": [], "created": "2024-05-01T12:00:00Z",
        "labels": {}, "runtime": "/usr/sbin/runc", "runtimeRoot": "/run/x", "stopSignal": "SIGTERM",
        "removedAtEnd": False, "status": "stopped", "exitCode": 0,
        **({"volumes": volumes} if volumes is not None else {}),
    }  # fmt: skip
