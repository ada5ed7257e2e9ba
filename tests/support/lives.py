"""Containers through their life: our commands on busybox containers that outlive them, all removed in the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import leaks
from cli_world import Outcome
from commands import Commands

PATIENCE = 240
"""Seconds in which what must come, comes; nothing is measured by it."""
CODE = "org.ocipipe.exit-code"


class Lives:
    """`lives("ctr-stop", "web")` runs a command; `lives.detached("--name", "web", "--", "sleep", "9")` a container."""

    def __init__(self, run: Commands, root: Path) -> None:
        self.run = run
        self.root = root
        self.run_root = Path(run.env["OCIPIPE_RUN_ROOT"])

    def __call__(self, name: str, *argv: str | Path, status: int | None = 0, **settings: Any) -> Outcome:
        return self.run(name, *argv, status=status, **settings)

    def detached(self, *argv: str | Path, **settings: Any) -> dict[str, Any]:
        """The document of a container that runs in the background; its command stands after `--`."""
        words = list(argv)
        at = words.index("--") if "--" in words else len(words)
        command = words[at + 1 :] or ["sleep", "1000"]
        (found,) = self.run("ctr-run", "-d", *words[:at], "busybox", *command, **settings).documents
        return dict(found)

    def all(self) -> dict[str, dict[str, Any]]:
        """Every container's document by its name."""
        found = self.run("ctr-ps", "-a").documents
        return {document["annotations"]["org.ocipipe.name"]: document for document in found}

    def status(self, name: str) -> str:
        """What a container does; 'gone' when there is none."""
        return str(self.all().get(name, {"status": "gone"})["status"])

    def until(self, condition: Callable[[], object]) -> None:
        """Waits for what must come."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.all()
            time.sleep(0.02)

    def monitor(self, document: dict[str, Any]) -> int:
        """The process id of a container's monitor."""
        return int((self.run_root / "containers" / document["id"] / "monitor").read_text())

    def refused(self, name: str, *argv: str | Path, status: int = 1, **settings: Any) -> str:
        """The one message of a command that is refused."""
        done = self.run(name, *argv, status=status, **settings)
        (error,) = done.errors
        assert error["code"] not in ("INTERNAL", "UNKNOWN"), error
        return str(error["message"])

    def end(self) -> None:
        """Removes every container, whatever it does."""
        for document in self.run("ctr-ps", "-a", status=None).documents:
            self.run("ctr-rm", "--force", document["id"], status=None)

    def left(self) -> list[str]:
        """What is left of containers: in the store and at run time, mounts, cgroups."""
        base = self.root / "containers"
        found = leaks.of_containers(base)
        found += [str(path) for path in self.run_root.glob("*/*")]
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return found + [line for line in mounts if str(self.root) in line]


def cgroups(container_id: str) -> list[str]:
    """The directories of a container's cgroups."""
    found = []
    for base, names, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(base, name) for name in names if container_id in name]
    return found
