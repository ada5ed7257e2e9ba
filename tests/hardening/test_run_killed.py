"""kill -9 at every moment of ctr-run that changes something: nothing is left that the next commands keep."""

from __future__ import annotations

import time
from pathlib import Path

import layout
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from killing import Kills
from tracing import CHANGES, PROCESSES

MOMENTS = CHANGES | PROCESSES
"""Of the command alone: the runtime is another process, and lives on."""


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    made = stored(run, store_root, busybox_image)
    made()  # the layer is unpacked: that is test_pull_killed's
    return made


def left(box: Box) -> list[str]:
    """What is left of containers in the store and in the runtime's state."""
    return box.left() + [str(path) for path in Path(box.run.env["OCIPIPE_RUN_ROOT"]).glob("*/*")]


def told(run: Commands) -> dict[str, tuple[str, str | None]]:
    """What ctr-ps says of every container, by name: its status and exit status, once nothing changes by itself."""
    deadline = time.monotonic() + 60
    while True:
        found = {
            one["annotations"]["org.ocipipe.name"]: (one["status"], one["annotations"].get("org.ocipipe.exit-code"))
            for one in run("ctr-ps", "-a").documents
        }
        if all(status != "running" for status, _ in found.values()) or time.monotonic() > deadline:
            return found


def test_the_next_command_clears_it_all(kills: Kills, box: Box, store_root: Path) -> None:
    def command(number: int) -> list[str | Path]:
        return [box.run.bin / "ctr-run", "--rm", "--name", "same", "busybox", "true"]

    def after(number: int) -> None:
        assert layout.problems(store_root) == []
        assert layout.errors(box.run, store_root) == []
        deadline = time.monotonic() + 60  # its process may run yet, and then has the name; it ends by itself
        while (done := box("--name", "same", status=None)).status or left(box):
            assert b"the name is in use" in done.err or not done.err, (number, done.err)
            assert time.monotonic() < deadline, (number, left(box))

    assert kills(command, after, calls=MOMENTS) > 2
    assert left(box) == []


def test_a_kept_container_is_whole_or_not_there(kills: Kills, box: Box, store_root: Path) -> None:
    """Its record can be read, and no name stands for nothing; a mount that was left harms nobody."""

    def command(number: int) -> list[str | Path]:
        return [box.run.bin / "ctr-run", "--name", f"kept-{number}", "busybox", "true"]

    def after(number: int) -> None:
        assert layout.errors(box.run, store_root) == []
        box()
        found = told(box.run)
        if f"kept-{number}" not in found:
            box("--name", f"kept-{number}", rm=False)
        assert set(found.values()) <= {("created", None), ("stopped", "0")}
        if found.get(f"kept-{number}", ())[:1] == ("created",):
            box.run("ctr-start", f"kept-{number}")
            box.run("ctr-wait", "--exit-status", f"kept-{number}")
        assert number or found == {"kept-0": ("stopped", "0")}

    assert kills(command, after, calls=MOMENTS) > 2
    box.run.shell("ctr-ps -aq | xargs ctr-rm -f")
    box()
    assert left(box) == []
