"""Compose projects of busybox containers on a host of their own: their files, and our commands run beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli_world import Outcome
from nethosts import Host

SLEEPS = "{image: busybox, command: sleep 1000, stop_signal: SIGKILL}"
"""A service that does nothing, and ends at once when it is asked to."""
MARK = "com.docker.compose.project"


def told(done: Outcome) -> list[dict[str, Any]]:
    """The errors that a command has told, between its lines for people."""
    documents = [json.loads(line) for line in done.err.splitlines() if line.startswith(b"{")]
    return [error for document in documents for error in document.get("errors", ())]


class Project:
    """`project("compose-up", "-d")` runs a command in the project's directory; `project.write(text)` its file."""

    def __init__(self, host: Host, directory: Path, text: str = "") -> None:
        self.host = host
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        if text:
            self.write(text)

    def write(self, text: str, name: str = "compose.yaml") -> None:
        (self.directory / name).write_text(text)

    def __call__(self, name: str, *argv: str | Path, status: int | None = 0, **settings: Any) -> Outcome:
        found: Outcome = self.host.run(name, *argv, status=status, cwd=self.directory, **settings)
        return found

    def shell(self, script: str, *, status: int | None = 0, **settings: Any) -> Outcome:
        found: Outcome = self.host.run.shell(script, status=status, cwd=self.directory, **settings)
        return found

    def up(self, *argv: str, **settings: Any) -> dict[str, dict[str, Any]]:
        """compose-up -d: the containers' documents by their names."""
        return {document["name"]: document for document in self("compose-up", "-d", *argv, **settings).documents}

    def all(self) -> dict[str, dict[str, Any]]:
        """All containers of the project by their names."""
        return {document["name"]: document for document in self("compose-ps", "-a").documents}

    def plan(self, *argv: str) -> list[str]:
        """What compose-plan says, in short: `recreate web-1 environment.DEBUG`."""
        return [
            " ".join([one["action"], one["object"]["name"], *(reason["field"] for reason in one["reasons"])])
            for one in self("compose-plan", *argv).documents
        ]

    def refused(self, name: str, *argv: str, status: int = 1, **settings: Any) -> str:
        """The one message of a command that is refused."""
        done = self(name, *argv, status=status, **settings)
        (error,) = told(done)
        assert error["code"] not in ("INTERNAL", "UNKNOWN"), error
        return str(error["message"])

    def text(self, service: str, *command: str) -> str:
        """What a command says in a service's container."""
        return self("compose-exec", service, *command).out.decode()

    def names(self, kind: str) -> list[str]:
        """The names of all networks (net) or volumes (vol) but the default network."""
        found = self.host.run(f"{kind}-ls", "-q").out.decode().split()
        return [name for name in found if name != "ocipipe"]

    def left(self) -> list[str]:
        """What is there of projects: containers, networks, volumes, files."""
        root, run_root = Path(self.host.run.env["OCIPIPE_ROOT"]), self.host.run_root
        found = self.host.run("ctr-ps", "-aq").out.decode().split()
        found += [*self.names("net"), *self.names("vol")]
        return found + [str(path) for base in (root, run_root) for path in base.glob("compose/*")]
