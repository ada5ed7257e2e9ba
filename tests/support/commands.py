"""Our commands as their users run them: real processes, alone or in a shell's pipe, with a store of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli_world import Outcome, execute


class Commands:
    """Runs commands in one environment; calls assert the exit status, None takes any.

    run("img-ls", "-q")                              one command
    run.shell("img-pull a | img-push b | jq .size")  a pipe, in bash with pipefail
    """

    def __init__(self, bin: Path, env: Mapping[str, str]) -> None:
        self.bin = bin
        self.env = {**env, "PATH": f"{bin}:{env['PATH']}"}

    def __call__(self, name: str, *args: str | Path, status: int | None = 0, **settings: Any) -> Outcome:
        return self._execute([str(self.bin / name), *map(str, args)], status, settings)

    def shell(self, script: str, *, status: int | None = 0, **settings: Any) -> Outcome:
        return self._execute(["bash", "-o", "pipefail", "-c", script], status, settings)

    def on(self, **env: str) -> Commands:
        """The same with more in the environment."""
        return Commands(self.bin, {**self.env, **env})

    def _execute(self, argv: list[str], status: int | None, settings: dict[str, Any]) -> Outcome:
        env = {**self.env, **settings.pop("env", {})}
        done = execute(argv, env=env, **{"timeout": 240, **settings})
        assert status is None or done.status == status, f"{' '.join(argv)}: {done.status}\n{done.err.decode()}"
        return done
