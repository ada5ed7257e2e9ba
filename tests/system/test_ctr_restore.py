"""A reboot, as far as containers can see one: ctr-ps tells the truth, and what a policy wants back comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import layout
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from observing import annotation, events, reboot, record, state, until

FOREVER = ("--", "sleep", "1000")


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Box]:
    made = stored(run, store_root, busybox_image)
    yield made
    run("ctr-rm", "-f", *[one["id"] for one in made.records()])


def start(box: Box, name: str, *options: str) -> None:
    box("-d", "--name", name, "--stop-timeout", "0", *options, *FOREVER, rm=False)


def restore(box: Box, *, short: str = "") -> list[str]:
    """The names of what was started; `short` may have ended by now."""
    found = box.run("ctr-start", "--all", "--restore").documents
    lasting = [one for one in found if one["annotations"]["org.ocipipe.name"] != short]
    assert {one["status"] for one in lasting} <= {"running"}
    return [one["annotations"]["org.ocipipe.name"] for one in found]


def test_ctr_ps_tells_the_truth(box: Box) -> None:
    """Before anybody has looked at them, and after."""
    start(box, "web", "--health-cmd", "true")
    start(box, "paused")
    box.run("ctr-pause", "paused")
    start(box, "stopped")
    box.run("ctr-stop", "stopped")
    reboot(box)
    assert box.run("ctr-ps").out == b""
    for name, code in (("web", None), ("paused", None), ("stopped", "137")):
        found = state(box, name)
        assert found["status"] == "stopped"
        assert "pid" not in found
        assert annotation(box, name, "exit-code") == code
        assert annotation(box, name, "health") is None
    assert restore(box) == []
    assert (record(box, "web")["status"], record(box, "web")["exitCode"]) == ("stopped", None)
    assert events(box, "web")[-1] == "die"
    assert layout.errors(box.run, box.root) == []


def test_policies_decide(box: Box) -> None:
    policies = ["no", "on-failure", "on-failure:1", "always", "unless-stopped"]
    for number, policy in enumerate(policies):
        start(box, f"ran-{number}", "--restart", policy)
        start(box, f"stopped-{number}", "--restart", policy)
    box.run("ctr-stop", *(f"stopped-{number}" for number in range(len(policies))))
    box.run("ctr-create", "--name", "made", "--restart", "always", "busybox", "true")
    reboot(box)
    assert sorted(restore(box)) == ["ran-1", "ran-2", "ran-3", "ran-4", "stopped-3"]
    assert state(box, "made")["status"] == "created"
    assert restore(box) == []  # all of them run


@pytest.mark.smoke
def test_once_it_is_back_it_is_as_before(box: Box) -> None:
    """Checked, restarted, stopped by hand for good."""
    start(box, "web", "--restart", "unless-stopped", "--health-cmd", "true", "--health-interval", "100ms")
    reboot(box)
    assert restore(box) == ["web"]
    box.run("ctr-wait", "--condition", "healthy", "web")
    box.run("ctr-stop", "web")
    reboot(box)
    assert restore(box) == []
    assert annotation(box, "web", "exit-code") == "137"


def test_one_that_waited_to_be_started_again(box: Box) -> None:
    box("-d", "--name", "web", "--restart", "unless-stopped", "--", "false", rm=False)
    until(lambda: float(record(box, "web").get("restartDelay") or 0) >= 0.8)
    until(lambda: state(box, "web")["status"] == "restarting")
    reboot(box)
    assert state(box, "web")["status"] == "stopped"
    (found,) = box.run("ctr-start", "--all", "--restore").documents
    assert found["annotations"]["org.ocipipe.name"] == "web"


def test_whose_namespaces_are_shared_is_first(box: Box) -> None:
    start(box, "inner", "--restart", "always", "--ipc", "shareable")
    start(box, "outer", "--restart", "always", "--ipc", "container:inner")
    for name, created in (("outer", "2020-01-01T00:00:00Z"), ("inner", "2021-01-01T00:00:00Z")):
        place = box.root / "containers" / record(box, name)["id"] / "record.json"
        place.write_text(json.dumps({**record(box, name), "created": created}))
    reboot(box)
    assert restore(box) == ["inner", "outer"]


def test_what_is_removed_at_its_end_is_gone(box: Box) -> None:
    box("-d", "--name", "web", *FOREVER)
    reboot(box)
    assert restore(box) == []
    assert box.left() == []


def test_a_damaged_one_keeps_no_other_away(box: Box) -> None:
    start(box, "broken", "--restart", "always")
    start(box, "web", "--restart", "always")
    place = box.root / "containers" / record(box, "broken")["id"] / "record.json"
    reboot(box)
    whole = place.read_bytes()
    place.write_bytes(b"{")
    done = box.run("ctr-start", "--all", "--restore", status=1)
    assert [one["annotations"]["org.ocipipe.name"] for one in done.documents] == ["web"]
    assert "damaged" in done.errors[0]["message"]
    place.write_bytes(whole)


@pytest.mark.smoke
def test_a_shutdown_in_good_order(box: Box, tmp_path: Path) -> None:
    """All are stopped side by side, nothing starts them, and then comes back what a reboot would bring back: not what
    somebody had stopped before."""
    policies = ["no", "on-failure", "on-failure:1", "always", "unless-stopped"]
    everybody = " && ".join(f"[ -e /asked/{number} ]" for number in range(len(policies)))
    for number, policy in enumerate(policies):  # each ends when all of them are asked, and none before
        script = f"trap 'touch /asked/{number}; until {everybody}; do sleep 0.2; done; exit 7' TERM; touch /asked/up; "
        box(
            "-d", "--name", f"ran-{number}", "--restart", policy, "--stop-timeout", "60", "-v", f"{tmp_path}:/asked",
            "--", "sh", "-c", script + "sleep 1000 & wait", rm=False,
        )  # fmt: skip
        until((tmp_path / "up").exists)
        (tmp_path / "up").unlink()
    start(box, "deaf", "--restart", "always")
    start(box, "stopped", "--restart", "unless-stopped")
    box.run("ctr-stop", "stopped")
    box("-d", "--name", "waits", "--restart", "on-failure", "--", "false", rm=False)
    until(lambda: float(record(box, "waits").get("restartDelay") or 0) >= 0.8)
    found = box.run("ctr-stop", "--all", "--restore", input=b"what is piped is not read").documents
    codes = {one["annotations"]["org.ocipipe.name"]: one["annotations"]["org.ocipipe.exit-code"] for one in found}
    assert codes == {**{f"ran-{number}": "7" for number in range(len(policies))}, "deaf": "137", "waits": "1"}
    assert {one["status"] for one in found} == {"stopped"}
    assert box.run("ctr-stop", "--all", "--restore").documents == []
    assert sorted(restore(box, short="waits")) == ["deaf", "ran-1", "ran-2", "ran-3", "ran-4", "waits"]
    assert len(box.run("ctr-stop", "--all", "-t", "0").documents) >= 5
    assert sorted(restore(box)) == ["deaf", "ran-3"]


@pytest.mark.parametrize("argv", [["--restore"], ["--all", "web"], ["--all", "--restore", "web"]])
def test_all_names_none(box: Box, argv: list[str]) -> None:
    box.run("ctr-stop", *argv, status=2)


@pytest.mark.parametrize("argv", [["--all"], ["--restore"], ["--all", "--restore", "web"]])
def test_the_two_go_together(box: Box, argv: list[str]) -> None:
    assert "go together" in box.run("ctr-start", *argv, status=2).errors[0]["message"]
