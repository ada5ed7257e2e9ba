"""What every change goes through: so much at a time, or nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_world import context

from ocipipe.compose import ground
from ocipipe.errors import UsageError


def asked(here: Path, env: dict[str, str] | None = None, **args: Any) -> ground.Ground:
    (here / "compose.yaml").write_text("services: {a: {image: b}}")
    given = {"file": [], "project_name": None, "project_directory": None, "env_file": [], "profile": [], **args}
    world = context(here.parent / "root")
    world.env = env or {}
    return ground.asked(world, SimpleNamespace(**given))


@pytest.mark.parametrize(
    ("parallel", "usual", "most"),
    [(None, "", 4), (2, "", 2), (None, "2", 2), (1, "2", 1), (-1, "2", 4), (0, "", 4), (None, "-1", 4)],
)
def test_so_much_at_a_time(here: Path, parallel: int | None, usual: str, most: int) -> None:
    base = asked(here, {"COMPOSE_PARALLEL_LIMIT": usual}, parallel=parallel)
    together = threading.Barrier(most)  # passed once so many are in
    inside, seen, lock = [0], [0], threading.Lock()

    def work() -> None:
        with lock:
            inside[0] += 1
            seen[0] = max(seen[0], inside[0])
        together.wait(30)
        with lock:
            inside[0] -= 1

    threads = [threading.Thread(target=base.act, args=("x", work)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [most]


def test_a_limit_that_is_none(here: Path) -> None:
    (here / ".env").write_text("COMPOSE_PARALLEL_LIMIT=many\n")
    with pytest.raises(UsageError, match="is no number"):
        asked(here)


def test_nothing_is_done_and_said_once(here: Path) -> None:
    base = asked(here, dry_run=True)
    said: list[str] = []
    base.ctx.progress.say = said.append  # type: ignore[method-assign]
    assert base.act("stop a", lambda: pytest.fail("it is done")) is None
    base.act("stop a", lambda: pytest.fail("it is done"))
    assert said == ["would stop a"]
    assert not (here.parent / "root").exists()
