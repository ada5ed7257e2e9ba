"""ctr-update: the kernel's own numbers before and after, for a container that runs and for its next start."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import observing
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from observing import until

from ocipipe.host import cgroups

V2 = cgroups.version() == 2
MEMORY = ("memory", "memory.max", "memory.limit_in_bytes")
SWAP = ("memory", "memory.swap.max", "memory.memsw.limit_in_bytes")
SHARES = ("cpu", "cpu.weight", "cpu.shares")
PIDS = ("pids", "pids.max", "pids.max")
SET = ("cpuset", "cpuset.cpus", "cpuset.cpus")


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Box]:
    made = stored(run, store_root, busybox_image)
    yield made
    run("ctr-rm", "-f", *[one["id"] for one in made.records()])


def start(box: Box, *options: str) -> None:
    box("-d", "--name", "web", "--stop-timeout", "0", *options, "--", "sleep", "1000", rm=False)


def limit(box: Box, knob: tuple[str, str, str]) -> str:
    """What the kernel has for the cgroup of its process."""
    controller, two, one = knob
    place = cgroups.directory(observing.state(box, "web")["pid"], controller)
    return Path(place, two if V2 else one).read_text().strip()


def processor(box: Box) -> str:
    """Quota and period."""
    if V2:
        return limit(box, ("cpu", "cpu.max", ""))
    return " ".join(limit(box, ("cpu", "", f"cpu.cfs_{name}_us")) for name in ("quota", "period"))


def update(box: Box, *options: str, status: int = 0) -> str:
    """What it says when it fails."""
    done = box.run("ctr-update", *options, "web", status=status)
    return str(done.errors[0]["message"]) if status else ""


@pytest.mark.smoke
def test_at_once_and_at_the_next_start(box: Box) -> None:
    start(box, "--memory", "64m", "--pids-limit", "50")
    update(box, "--memory", "96m", "--cpus", "0.5", "--cpu-shares", "512")

    def holds() -> None:
        assert limit(box, MEMORY) == str(96 << 20)
        assert processor(box) == "50000 100000"
        assert limit(box, PIDS) == "50"
        shares = limit(box, SHARES)
        assert shares == "512" if not V2 else 1 <= int(shares) < 100

    holds()
    box.run("ctr-restart", "web")
    holds()
    update(box, "--pids-limit", "20", "--cpuset-cpus", "0")
    assert (limit(box, PIDS), limit(box, SET), limit(box, MEMORY)) == ("20", "0", str(96 << 20))


def test_of_a_container_that_does_not_run(box: Box) -> None:
    box.run("ctr-create", "--name", "web", "busybox", "sleep", "1000")
    (found,) = box.run("ctr-update", "--memory", "32m", "web").documents
    assert found["status"] == "created"
    box.run("ctr-start", "web")
    assert limit(box, MEMORY) == str(32 << 20)
    box.run("ctr-stop", "-t", "0", "web")
    update(box, "--memory", "48m")
    box.run("ctr-start", "web")
    assert limit(box, MEMORY) == str(48 << 20)
    assert observing.events(box, "web").count("update") == 2


def test_of_a_paused_one(box: Box) -> None:
    start(box, "--pids-limit", "50")
    box.run("ctr-pause", "web")
    update(box, "--pids-limit", "30")
    assert limit(box, PIDS) == "30"
    assert observing.state(box, "web")["status"] == "paused"


def test_the_limit_of_swap_goes_with_it(box: Box) -> None:
    if not cgroups.limits_swap():
        start(box, "--memory", "32m")
        assert "does not limit swap" in update(box, "--memory-swap", "64m", status=1)
        return
    start(box, "--memory", "32m")
    shift = 1 if V2 else 2
    update(box, "--memory", "64m")
    assert limit(box, SWAP) == str((64 << 20) * shift)
    update(box, "--memory-swap", "80m")
    assert limit(box, SWAP) == str((80 << 20) - ((64 << 20) if V2 else 0))
    update(box, "--memory", "72m")  # it was chosen, and stays
    assert limit(box, SWAP) == str((80 << 20) - ((72 << 20) if V2 else 0))
    assert "--memory-swap: is less than --memory" in update(box, "--memory", "96m", status=2)


@pytest.mark.parametrize(
    ("options", "said", "status"),
    [
        ([], "web: there is nothing to change", 2),
        (["--memory", "1m"], "--memory: is under 6 MiB", 2),
        (["--memory-reservation", "128m"], "--memory-reservation: is under 6 MiB, or more than --memory", 2),
        (["--cpus", "100000"], "--cpus", 2),
        (["--cpus", "1", "--cpu-quota", "5000"], "--cpu-quota: does not go with --cpus", 2),
        (["--cpuset-cpus", "9999"], "--cpuset-cpus: 9999: this host has", 2),
        (["--restart", "sometimes"], "--restart sometimes: is no restart policy", 2),
        (["--restart", "sometimes", "--memory", "96m"], "--restart sometimes", 2),
    ],
)
def test_refused_and_nothing_is_changed(box: Box, options: list[str], said: str, status: int) -> None:
    start(box, "--memory", "64m")
    before = box.config(observing.record(box, "web")["id"])
    assert said in update(box, *options, status=status)
    assert limit(box, MEMORY) == str(64 << 20)
    assert box.config(observing.record(box, "web")["id"]) == before


def test_what_the_runtime_refuses_is_not_written_down(box: Box) -> None:
    """Less memory than it uses, where the kernel does not take that (version 1)."""
    script = "dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null; touch /ready; exec sleep 1000"
    box("-d", "--name", "web", "--memory", "64m", "--memory-swap", "64m", "--", "sh", "-c", script, rm=False)
    container_id = observing.record(box, "web")["id"]
    until((box.root / "containers" / container_id / "upper" / "ready").exists)
    done = box.run("ctr-update", "--memory", "8m", "--memory-swap", "64m", "web", status=None)
    kept = box.config(container_id)["linux"]["resources"]["memory"]["limit"]
    if done.status:
        assert done.errors[0]["code"] == "RUNTIME_FAILED"
        assert kept == 64 << 20
    else:
        assert kept == 8 << 20


def test_a_restart_policy(box: Box) -> None:
    start(box)
    update(box, "--restart", "on-failure:3")
    assert observing.record(box, "web")["restartPolicy"] == {"name": "on-failure", "maximum": 3}
    update(box, "--restart-delay", "200ms")
    assert observing.record(box, "web")["restartPolicy"] == {"name": "on-failure", "maximum": 3, "delay": 0.2}
    before = observing.state(box, "web")["pid"]
    observing.kill(before)
    until(lambda: observing.state(box, "web").get("pid") not in (None, before))


def test_no_more_restarts_ends_the_wait(box: Box) -> None:
    box("-d", "--name", "web", "--restart", "always", "--", "false", rm=False)
    until(lambda: float(observing.record(box, "web").get("restartDelay") or 0) >= 1.6)
    until(lambda: observing.state(box, "web")["status"] == "restarting")
    (found,) = box.run("ctr-update", "--restart", "no", "web").documents
    assert found["status"] == "stopped"
    until(lambda: not observing.processes(box, "web"))


def test_a_container_that_is_removed_at_its_end_has_no_policy(box: Box) -> None:
    box("-d", "--name", "web", "--", "sleep", "1000")
    assert "does not go with --rm" in update(box, "--restart", "always", status=2)


def test_one_that_a_command_runs(box: Box) -> None:
    argv = [box.run.bin / "ctr-run", "--rm", "--name", "web", "busybox", "sleep", "1000"]
    with subprocess.Popen(argv, env=box.run.env) as process:
        until(lambda: observing.state(box, "web").get("pid"))
        assert "has no monitor" in update(box, "--pids-limit", "30", status=1)
        box.run("ctr-kill", "web")
        assert process.wait() == 137


def test_a_pipe_of_many(box: Box) -> None:
    for name in ("web", "db"):
        box("-d", "--name", name, "--", "sleep", "1000", rm=False)
    found = box.run.shell("ctr-ps | ctr-update --restart always").documents
    assert sorted(one["annotations"]["org.ocipipe.name"] for one in found) == ["db", "web"]
    assert {one["restartPolicy"]["name"] for one in box.records()} == {"always"}
