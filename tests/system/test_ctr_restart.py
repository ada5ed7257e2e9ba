"""Restart policies on real processes: who is started again, what stops that, and what a killed part of it leaves
(pitfall 29). The waits between are tested in tests/unit/runtime/test_restart.py."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import layout
import observing
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from killing import Kills
from observing import annotation, events, kill, pid, processes, record, state, until
from tracing import CHANGES, PROCESSES

from oci_spec.quantity import moment

COUNT = 'n=$(cat /mnt/n 2>/dev/null || echo 0); echo $((n + 1)) >/mnt/n; '
"""How often it was started, in a file of the host."""


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Box]:
    made = stored(run, store_root, busybox_image)
    yield made
    run("ctr-rm", "-f", *[one["id"] for one in made.records()])


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    path = tmp_path / "shared"
    path.mkdir()
    return path


def start(box: Box, shared: Path, policy: str, script: str, *options: str) -> None:
    words = ("-d", "--name", "web", "--restart", policy, "-v", f"{shared}:/mnt", "--stop-timeout", "0", *options)
    box(*words, "--", "sh", "-c", COUNT + script, rm=False)


def runs(shared: Path) -> int:
    try:
        return int((shared / "n").read_text() or 0)
    except FileNotFoundError:
        return 0


def waiting(box: Box) -> dict[str, Any]:
    """The container, once somebody waits to start it again."""
    found: dict[str, Any] = until(lambda: (now := state(box, "web")).get("status") == "restarting" and now)
    return found


def long_wait(box: Box, shared: Path, script: str = "exit 3", policy: str = "always") -> None:
    """A container that waits long enough to be looked at: after a few ends in a row."""
    start(box, shared, policy, script)
    until(lambda: float(record(box, "web").get("restartDelay") or 0) >= 1.6)
    waiting(box)


def gone(box: Box) -> None:
    """Nobody waits for the container any more, nothing of it runs."""
    until(lambda: not processes(box, "web"))


# --- who is started again


def test_always(box: Box, shared: Path) -> None:
    start(box, shared, "always", "exit 0")
    until(lambda: runs(shared) >= 3)
    assert int(annotation(box, "web", "restart-count") or 0) >= 2
    assert events(box, "web")[:5] == ["create", "start", "die", "start", "die"]


@pytest.mark.smoke
def test_on_failure_so_many_times(box: Box, shared: Path) -> None:
    start(box, shared, "on-failure:2", "exit 7")
    until(lambda: events(box, "web").count("die") == 3)
    until(lambda: state(box, "web")["status"] == "stopped" and not processes(box, "web"))
    assert runs(shared) == 3
    assert (annotation(box, "web", "restart-count"), annotation(box, "web", "exit-code")) == ("2", "7")


def test_on_failure_until_it_ends_well(box: Box, shared: Path) -> None:
    start(box, shared, "on-failure", '[ "$n" = 2 ]')
    until(lambda: annotation(box, "web", "exit-code") == "0")
    gone(box)
    assert runs(shared) == 3
    assert state(box, "web")["status"] == "stopped"


@pytest.mark.parametrize("policy", ["no", "on-failure"])
def test_not_started_again(box: Box, shared: Path, policy: str) -> None:
    start(box, shared, policy, "exit 0")
    box.run("ctr-wait", "web")
    gone(box)
    assert runs(shared) == 1
    assert annotation(box, "web", "restart-count") is None


@pytest.mark.smoke
def test_a_process_that_somebody_else_kills_is_started_again(box: Box, shared: Path) -> None:
    start(box, shared, "unless-stopped", "exec sleep 1000")
    before = state(box, "web")["pid"]
    kill(before)
    until(lambda: state(box, "web").get("pid") not in (None, before))
    assert events(box, "web").count("start") == 2


def test_a_delay_and_a_window_of_its_own(box: Box, shared: Path) -> None:
    """Each wait is as long; who was up for the window may fail as often as before, also as a copy of the container."""
    script = '[ "$n" = 1 ] && sleep 1.2; exit 7'  # well once, the second time
    policy = ("--restart", "on-failure:2", "--restart-delay", "300ms", "--restart-window", "1s")
    box.run("ctr-create", "--name", "first", *policy, "-v", f"{shared}:/mnt", "busybox", "sh", "-c", COUNT + script)
    box.run.shell("ctr-inspect first | ctr-create --name web - | ctr-start")
    until(lambda: events(box, "web").count("die") == 4)
    until(lambda: state(box, "web")["status"] == "stopped" and not processes(box, "web"))
    found = record(box, "web")
    assert found["restartPolicy"] == {"name": "on-failure", "maximum": 2, "delay": 0.3, "window": 1}
    assert (runs(shared), found["restartCount"], found["restartDelay"]) == (4, 2, 0.3)
    begun = [moment(one["time"]) for one in journal(box) if one["action"] == "start"]
    ended = [moment(one["time"]) for one in journal(box) if one["action"] == "die"]
    assert all(after - before >= 0.3 for before, after in zip(ended[-4:-1], begun[-3:], strict=True))


def test_the_same_container_comes_again(box: Box, shared: Path) -> None:
    """Its files, its log and its id; and what it has of the host is made anew."""
    start(box, shared, "on-failure", "touch /kept-$n; ls /kept-* | wc -l >/mnt/kept; exec sleep 1000")
    until(lambda: (shared / "kept").exists() and (shared / "kept").read_text() == "1\n")
    kill(state(box, "web")["pid"])
    until(lambda: (shared / "kept").read_text() == "2\n")


# --- what stops it


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure"])
@pytest.mark.parametrize("way", ["ctr-stop", "ctr-kill", "ctr-kill -s TERM"])
def test_stopped_by_hand(box: Box, shared: Path, policy: str, way: str) -> None:
    start(box, shared, policy, "trap 'exit 5' TERM; while :; do sleep 0.05; done")
    box.run(*way.split(), "web")
    box.run("ctr-wait", "web")
    gone(box)
    assert state(box, "web")["status"] == "stopped"
    assert runs(shared) == 1


def test_another_signal_is_no_stop(box: Box, shared: Path) -> None:
    start(box, shared, "always", "trap 'exit 0' HUP; touch /mnt/ready; while :; do sleep 0.05; done")
    until((shared / "ready").exists)
    box.run("ctr-kill", "-s", "HUP", "web")
    until(lambda: runs(shared) == 2)


def test_a_start_by_hand_lets_it_restart_again(box: Box, shared: Path) -> None:
    start(box, shared, "on-failure", "exec sleep 1000")
    box.run("ctr-stop", "web")
    box.run("ctr-start", "web")
    kill(state(box, "web")["pid"])
    until(lambda: runs(shared) == 3)


def test_with_rm_it_is_refused(box: Box) -> None:
    assert "does not go with --rm" in box.refused("--restart", "always")


# --- while a restart is waiting


def test_it_is_shown(box: Box, shared: Path) -> None:
    long_wait(box, shared)
    found = state(box, "web")
    assert found["status"] == "restarting"
    assert found["annotations"]["org.ocipipe.exit-code"] == "3"
    assert "pid" not in found
    (listed,) = box.run("ctr-ps", "--filter", "status=restarting").documents
    assert listed["id"] == found["id"]


@pytest.mark.smoke
def test_ctr_stop_ends_the_wait(box: Box, shared: Path) -> None:
    long_wait(box, shared)
    (found,) = box.run("ctr-stop", "web").documents
    assert (found["status"], found["annotations"]["org.ocipipe.exit-code"]) == ("stopped", "3")
    gone(box)
    assert state(box, "web")["status"] == "stopped"


def test_ctr_start_does_not_wait(box: Box, shared: Path) -> None:
    """And it begins anew: counts and waits."""
    long_wait(box, shared, "[ -e /mnt/stay ] || exit 3; exec sleep 1000")
    (shared / "stay").touch()
    (found,) = box.run("ctr-start", "web").documents
    assert found["status"] == "running"
    assert record(box, "web")["restartCount"] == 0
    assert not (observing.run_directory(box, "web") / "restart").exists()
    assert found["pid"] == state(box, "web")["pid"]


def test_ctr_rm_refuses_unless_forced(box: Box, shared: Path) -> None:
    long_wait(box, shared)
    assert "is restarting" in box.run("ctr-rm", "web", status=1).errors[0]["message"]
    seen = processes(box, "web")
    box.run("ctr-rm", "-f", "web")
    assert box.left() == []
    until(lambda: not [one for one in seen if Path(f"/proc/{one}").exists()])


@pytest.mark.parametrize("command", ["ctr-kill web", "ctr-pause web", "ctr-attach web"])
def test_what_needs_a_process_is_refused(box: Box, shared: Path, command: str) -> None:
    long_wait(box, shared)
    assert box.run(*command.split(), status=None).errors[0]["code"] == "CONFLICT"
    assert state(box, "web")["status"] in ("restarting", "running", "stopped")


def test_a_start_that_fails_is_told(box: Box, shared: Path) -> None:
    """Nobody reads what the one who waited says: the journal has it."""
    long_wait(box, shared)
    (box.root / "containers" / record(box, "web")["id"] / "config.json").write_text("{")
    told = until(lambda: [one for one in journal(box) if one["action"] == "restart"])
    assert "damaged" in told[0]["detail"]["problem"]
    gone(box)
    assert state(box, "web")["status"] == "stopped"


def journal(box: Box) -> list[Any]:
    return box.run("ctr-events", "--no-follow").documents


# --- kill -9


def test_the_waiter_killed(box: Box, shared: Path) -> None:
    """The container is not lost: it is stopped, and whoever starts it has it as it was."""
    long_wait(box, shared, "[ -e /mnt/stay ] || exit 3; exec sleep 1000")
    kill(pid(box, "web", "restart"))
    found = state(box, "web")
    assert (found["status"], found["annotations"]["org.ocipipe.exit-code"]) == ("stopped", "3")
    (shared / "stay").touch()
    box.run("ctr-start", "web")
    kill(state(box, "web")["pid"])
    until(lambda: state(box, "web")["status"] == "running")


@pytest.mark.smoke
def test_the_monitor_killed(box: Box, shared: Path) -> None:
    start(box, shared, "always", "exec sleep 1000")
    kill(pid(box, "web", "monitor"))
    found = state(box, "web")
    assert found["status"] == "running"
    kill(found["pid"])
    found = state(box, "web")
    assert found["status"] == "stopped"
    assert "org.ocipipe.exit-code" not in found["annotations"]  # nobody knows it
    box.run("ctr-cleanup", "web")  # what the monitor would have called
    until(lambda: runs(shared) == 2)
    until(lambda: state(box, "web")["status"] == "running")


@pytest.mark.parametrize("removal", ["ctr-rm -f web", "ctr-start web", "ctr-stop web", "ctr-cleanup web"])
def test_the_monitor_and_the_process_killed(box: Box, shared: Path, removal: str) -> None:
    start(box, shared, "always", "exec sleep 1000")
    container_id = record(box, "web")["id"]
    for name in ("monitor", "pid"):
        kill(pid(box, "web", name))
    box.run(*removal.split())
    if removal.startswith("ctr-rm"):
        assert box.left() == []
        assert [top for top, _, _ in os.walk("/sys/fs/cgroup") if container_id in top] == []


MOMENTS = CHANGES | PROCESSES


def test_ctr_cleanup_killed_at_every_change(kills: Kills, box: Box, store_root: Path, shared: Path) -> None:
    """The call that records the end and lets somebody wait: after it, the container is there, true, and removable."""

    def command(number: int) -> list[str | Path]:
        name = f"web{number}"
        box("-d", "--name", name, "--restart", "always", "--", "sleep", "1000", rm=False)
        monitor, process = pid(box, name, "monitor"), pid(box, name, "pid")
        kill(monitor)  # it cannot call for the clean-up itself, so what follows is the only one
        kill(process)
        return [box.run.bin / "ctr-cleanup", name]

    def after(number: int) -> None:
        name = f"web{number}"
        assert layout.errors(box.run, store_root) == []
        found = state(box, name)
        # created: who waits has just made it anew, and its process is about to begin
        assert found["status"] in ("stopped", "restarting", "created", "running"), found
        if number % 2:
            box.run("ctr-start", name)
            assert state(box, name)["status"] == "running"
            box.run("ctr-stop", "-t", "0", name)
            assert state(box, name)["status"] == "stopped"
        seen = processes(box, name)
        box.run("ctr-rm", "-f", name)
        until(lambda: not [one for one in seen if Path(f"/proc/{one}").exists()])
        assert box.left() == []

    assert kills(command, after, calls=MOMENTS) > 2


def test_ctr_start_killed_at_every_change(kills: Kills, box: Box, store_root: Path) -> None:
    """Of a container with a check and a policy: what it leaves can be started, stopped and removed."""
    options = ("--restart", "always", "--health-cmd", "true", "--health-interval", "100ms")

    def command(number: int) -> list[str | Path]:
        box.run("ctr-create", "--name", f"web{number}", *options, "busybox", "sleep", "1000")
        return [box.run.bin / "ctr-start", f"web{number}"]

    def after(number: int) -> None:
        name = f"web{number}"
        assert layout.errors(box.run, store_root) == []
        assert state(box, name)["status"] in ("created", "running", "stopped", "restarting")
        seen = processes(box, name)
        if number % 2:
            box.run("ctr-stop", "-t", "0", name)
            box.run("ctr-start", name)
            assert state(box, name)["status"] == "running"
            box.run("ctr-wait", "--condition", "healthy", name)
            seen |= processes(box, name)
        box.run("ctr-rm", "-f", name)
        until(lambda: not [one for one in seen if Path(f"/proc/{one}").exists()])
        assert box.left() == []

    box("-d", "--name", "web", *options, "--", "sleep", "1000", rm=False)  # all directories are there
    box.run("ctr-rm", "-f", "web")
    assert kills(command, after, calls=MOMENTS) > 2


def test_many_at_once(box: Box) -> None:
    """Ends that come together, each with a restart of its own; a stop of all of them leaves none to come back."""
    names = [f"web{number}" for number in range(6)]
    for name in names:
        box("-d", "--name", name, "--restart", "always", "--", "true", rm=False)
    until(lambda: all(events(box, name).count("start") >= 2 for name in names))
    with_stop = [subprocess.Popen([box.run.bin / "ctr-stop", name], env=box.run.env) for name in names]
    assert [one.wait() for one in with_stop] == [0] * len(names)
    for name in names:
        until(lambda name=name: not processes(box, name))
        assert state(box, name)["status"] == "stopped"
