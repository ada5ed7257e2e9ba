"""Health checks: from starting to healthy or unhealthy, kept true without anybody who supervises (pitfall 30)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import observing
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image, Layer, image
from observing import annotation, events, kill, pid, processes, run_directory, until
from rootfs import busybox_tar

OFTEN = ("--health-interval", "50ms")
FOREVER = ("--", "sleep", "1000")


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Box]:
    made = stored(run, store_root, busybox_image)
    yield made
    run("ctr-rm", "-f", *[one["id"] for one in made.records()])


def start(box: Box, *options: str | Path, name: str = "web") -> dict[str, Any]:
    """A container with a check, in the background."""
    (found,) = box("-d", "--name", name, *options, *FOREVER, rm=False).documents
    return dict(found)


def health(box: Box, *options: str, status: int = 0) -> dict[str, Any]:
    (found,) = box.run("ctr-health", *options, "web", status=status).documents
    return dict(found)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    path = tmp_path / "shared"
    path.mkdir()
    return path


def test_it_starts_as_starting_and_the_first_check_comes_after_an_interval(box: Box) -> None:
    started = start(box, "--health-cmd", "true", "--health-interval", "1h")
    assert started["annotations"]["org.ocipipe.health"] == "starting"
    found = health(box)
    assert (found["status"], found["failingStreak"], found["log"]) == ("starting", 0, [])
    assert found["id"] == started["id"]


@pytest.mark.smoke
def test_one_success_makes_it_healthy(box: Box) -> None:
    start(box, "--health-cmd", "echo fine; echo well >&2", *OFTEN)
    (found,) = box.run("ctr-wait", "--condition", "healthy", "web").documents
    assert found["annotations"]["org.ocipipe.health"] == "healthy"
    first = health(box)["log"][0]
    assert (first["exitCode"], first["output"]) == (0, "fine\nwell\n")
    assert first["start"] < first["end"]
    assert [one["annotations"]["org.ocipipe.name"] for one in box.run("ctr-ps", "-f", "health=healthy").documents] == [
        "web"
    ]
    assert box.run("ctr-ps", "-f", "health=unhealthy").out == b""


def test_failures_in_a_row_make_it_unhealthy_and_a_success_healthy_again(box: Box, shared: Path) -> None:
    start(box, "--health-cmd", "test -e /mnt/fine", "--health-retries", "3", "-v", f"{shared}:/mnt", *OFTEN)
    until(lambda: annotation(box, "web", "health") == "unhealthy")
    found = until(lambda: (now := health(box))["failingStreak"] > 6 and now)
    assert [one["exitCode"] for one in found["log"]] == [1] * 5
    (shared / "fine").touch()
    box.run("ctr-wait", "--condition", "healthy", "web")
    assert health(box)["failingStreak"] == 0
    (shared / "fine").unlink()
    until(lambda: annotation(box, "web", "health") == "unhealthy")
    told = [one for one in events(box, "web") if one.startswith("health")]
    assert told == ["health_status: unhealthy", "health_status: healthy", "health_status: unhealthy"]
    seen = box.run("ctr-events", "--no-follow", "--filter", "event=health_status").documents
    assert [one["detail"]["health"] for one in seen] == ["unhealthy", "healthy", "unhealthy"]
    assert seen[1]["object"]["annotations"]["org.ocipipe.health"] == "healthy"


def test_failures_in_the_start_period_do_not_count(box: Box, shared: Path) -> None:
    period = ("--health-start-period", "1h", "--health-start-interval", "50ms", "--health-retries", "1")
    start(box, "--health-cmd", "test -e /mnt/fine", "-v", f"{shared}:/mnt", "--health-interval", "50ms", *period)
    found = until(lambda: len((now := health(box))["log"]) == 5 and now)
    assert (found["status"], found["failingStreak"]) == ("starting", 0)
    (shared / "fine").touch()
    box.run("ctr-wait", "--condition", "healthy", "web")
    (shared / "fine").unlink()  # it was healthy once: now they do
    until(lambda: annotation(box, "web", "health") == "unhealthy")


def test_within_the_start_period_there_is_another_interval(box: Box) -> None:
    """Only while it is starting: once it is healthy, the next check comes an hour later."""
    start(
        box, "--health-cmd", "true", "--health-interval", "1h", "--health-start-period", "1h",
        "--health-start-interval", "50ms",
    )  # fmt: skip
    box.run("ctr-wait", "--condition", "healthy", "web")
    shell = pid(box, "web", "health")
    until(lambda: "3600.000" in waits(shell))
    assert len(health(box)["log"]) == 1


def waits(shell: int) -> str:
    """The arguments of what the shell beside a container waits with."""
    children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
    try:
        return " ".join(Path(f"/proc/{one}/cmdline").read_text().replace("\0", " ") for one in children)
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("timeout", ["1ms", "100ms", "200ms", "5s"])
def test_a_check_that_takes_too_long_is_a_failure_and_leaves_nothing(box: Box, timeout: str) -> None:
    """Wherever it is by then: the runtime may just be about to begin it."""
    script = "echo begun; sleep 7654 & sh -c 'sleep 7655; true' ; sleep 7656"
    start(box, "--health-cmd", script, "--health-timeout", timeout, "--health-interval", "1h")
    done = box.run("ctr-health", "--run", "web", status=1)
    (found,) = done.documents
    assert found["failingStreak"] == 1
    (result,) = found["log"]
    assert result["exitCode"] == -1
    assert result["output"].startswith("took longer than ")
    assert timeout != "5s" or result["output"] == "took longer than 5 seconds\nbegun\n"
    assert "web: took longer than " in done.errors[0]["message"]
    inside = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [one for one in inside if one.startswith("sleep 765")] == []


def test_output_is_kept_to_its_limit(box: Box) -> None:
    start(box, "--health-cmd", "yes | head -c 1000000; exit 4", "--health-interval", "1h")
    found = health(box, "--run", status=1)["log"][0]
    assert (found["exitCode"], found["output"]) == (4, "y\n" * 2048)


def test_what_a_check_leaves_running_does_not_hold_it_up(box: Box) -> None:
    start(box, "--health-cmd", "sleep 1000 & echo done", "--health-interval", "1h")
    assert health(box, "--run")["log"][0]["output"] == "done\n"


def test_a_program_that_is_not_there_is_a_failure(box: Box) -> None:
    start(box, "--health-cmd", '["no-such-program"]', "--health-interval", "1h")
    found = health(box, "--run", status=1)["log"][0]
    assert found["exitCode"] > 0
    assert "no-such-program" in found["output"]


def test_a_check_is_run_as_the_container_s_process_is(box: Box) -> None:
    options = ("--user", "app", "-e", "A=b c", "-w", "/home/app", "--cap-drop", "ALL", "--health-interval", "1h")
    start(box, *options, "--health-cmd", "id -un; echo $A; pwd; grep CapBnd /proc/self/status")
    said = health(box, "--run")["log"][0]["output"]
    assert said.split("\n") == ["app", "b c", "/home/app", "CapBnd:\t0000000000000000", ""]


def test_the_image_s_check(run: Commands, store_root: Path) -> None:
    check = {"Test": ["CMD", "sh", "-c", "echo of the image"], "Interval": 50_000_000}
    made = image([Layer(busybox_tar())], {"Env": ["PATH=/bin"], "Healthcheck": check})
    box = stored(run, store_root, made)
    start(box)
    run("ctr-wait", "--condition", "healthy", "web")
    assert health(box)["log"][0]["output"] == "of the image\n"
    start(box, "--no-healthcheck", name="quiet")
    assert annotation(box, "quiet", "health") is None
    run("ctr-rm", "-f", "web", "quiet")


def test_a_restart_goes_back_to_starting(box: Box) -> None:
    start(box, "--health-cmd", "true", "--health-interval", "1h")
    assert health(box, "--run")["status"] == "healthy"
    before = pid(box, "web", "health")
    (found,) = box.run("ctr-restart", "-t", "0", "web").documents
    assert found["annotations"]["org.ocipipe.health"] == "starting"
    assert health(box)["log"] == []
    assert pid(box, "web", "health") != before
    until(lambda: not Path(f"/proc/{before}").exists())


@pytest.mark.smoke
def test_a_paused_container_is_not_checked(box: Box, shared: Path) -> None:
    """Nor does its check hang on it: the shell goes on asking, and has its answer after the thaw."""
    start(box, "--health-cmd", "echo x >>/mnt/log", "-v", f"{shared}:/mnt", *OFTEN)
    box.run("ctr-wait", "--condition", "healthy", "web")
    box.run("ctr-pause", "web")
    assert "is paused" in box.run("ctr-health", "--run", "web", status=1).errors[0]["message"]
    paced = box.run("ctr-health", "--paced", "web")
    assert paced.out == b"0.050\n"
    count = len((shared / "log").read_text())
    for _ in range(3):
        box.run("ctr-health", "--paced", "web")
    assert len((shared / "log").read_text()) == count
    assert annotation(box, "web", "health") == "healthy"
    box.run("ctr-unpause", "web")
    until(lambda: len((shared / "log").read_text()) > count)


def test_in_the_foreground_without_a_monitor_too(box: Box, shared: Path) -> None:
    script = "until test -e /mnt/stop; do sleep 0.1; done"
    options = ["--rm", "--name", "web", "--health-cmd", "true", *OFTEN, "-v", f"{shared}:/mnt", "busybox"]
    with subprocess.Popen([box.run.bin / "ctr-run", *options, "sh", "-c", script], env=box.run.env) as process:
        until(lambda: observing.state(box, "web").get("status") == "running")
        box.run("ctr-wait", "--condition", "healthy", "web")
        (shared / "stop").touch()
        assert process.wait() == 0
    assert box.left() == []


# --- it ends with its container, whatever has ended that


@pytest.mark.parametrize("way", ["ctr-stop", "ctr-kill", "ctr-rm -f", "its own end"])
def test_nothing_is_left_after_its_end(box: Box, way: str, shared: Path) -> None:
    script = "until test -e /mnt/stop; do sleep 0.05; done"
    options = ("--health-cmd", "sleep 1000", "--stop-timeout", "0", "-v", f"{shared}:/mnt", *OFTEN)
    box("-d", "--name", "web", *options, "--", "sh", "-c", script, rm=False)
    seen = processes(box, "web")
    assert pid(box, "web", "health") in seen
    if way == "its own end":
        (shared / "stop").touch()
        box.run("ctr-wait", "web")
    else:
        box.run(*way.split(), "web")
    until(lambda: not [one for one in seen if Path(f"/proc/{one}").exists()])
    until(lambda: not locks_held(box))  # a monitor's last call may hold one


def locks_held(box: Box) -> list[str]:
    """The containers' locks that somebody holds."""
    from ocipipe.host import locks

    return [str(path) for path in box.root.glob("containers/*/*.lock") if locks.is_held(str(path))]


@pytest.mark.smoke
def test_after_kill_9_of_everything_it_notices(box: Box) -> None:
    """An hour before its next check."""
    start(box, "--health-cmd", "true", "--health-interval", "1h")
    shell, monitor, process = (pid(box, "web", one) for one in ("health", "monitor", "pid"))
    kill(monitor)
    until(lambda: not Path(f"/proc/{shell}").exists())
    assert annotation(box, "web", "health") == "none"
    kill(process)
    assert observing.state(box, "web")["status"] == "stopped"
    box.run("ctr-start", "web")
    assert annotation(box, "web", "health") == "starting"


@pytest.mark.parametrize("group", [True, False])
def test_a_shell_that_was_killed_is_told(box: Box, group: bool) -> None:
    start(box, "--health-cmd", "true", "--health-interval", "1h")
    assert health(box, "--run")["status"] == "healthy"
    shell = pid(box, "web", "health")
    if group:
        os.killpg(shell, signal.SIGKILL)
    kill(shell)
    assert annotation(box, "web", "health") == "none"
    assert health(box)["status"] == "none"
    done = box.run("ctr-wait", "--condition", "healthy", "web", status=1)
    assert "nobody checks it" in done.errors[0]["message"]
    box.run("ctr-restart", "-t", "0", "web")
    assert annotation(box, "web", "health") == "starting"


def test_a_killed_check_is_no_result_and_the_next_comes(box: Box, shared: Path) -> None:
    start(box, "--health-cmd", "echo x >>/mnt/log; sleep 1", "-v", f"{shared}:/mnt", *OFTEN)
    shell = pid(box, "web", "health")
    checking = until(lambda: [one for one in waits(shell).split() if one.endswith("ctr-health")] and children(shell))
    for one in checking:
        kill(one)
    box.run("ctr-wait", "--condition", "healthy", "web")
    assert health(box)["log"][0]["exitCode"] == 0


def children(shell: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{shell}/task/{shell}/children").read_text().split()]


# --- waiting, and what is refused


def test_ctr_wait_healthy(box: Box, shared: Path) -> None:
    start(box, "--health-cmd", "test -e /mnt/fine", "-v", f"{shared}:/mnt", *OFTEN)
    argv = [box.run.bin / "ctr-wait", "--condition", "healthy", "web"]
    with subprocess.Popen(argv, env=box.run.env, stdout=subprocess.PIPE) as process:
        (shared / "fine").touch()
        out, _ = process.communicate()
    assert json.loads(out)["annotations"]["org.ocipipe.health"] == "healthy"
    late = ["ctr-wait", "--condition", "healthy", "-t", "0.1"]
    box("-d", "--name", "plain", *FOREVER, rm=False)
    assert "has no health check" in box.run(*late, "plain", status=1).errors[0]["message"]
    start(box, "--health-cmd", "false", "--health-interval", "1h", name="never")
    assert "is not healthy in time" in box.run(*late, "never", status=1).errors[0]["message"]


@pytest.mark.parametrize("end", ["ctr-stop", "ctr-rm -f"])
def test_ctr_wait_healthy_of_one_that_ends(box: Box, end: str) -> None:
    start(box, "--health-cmd", "false", "--health-interval", "1h", "--stop-timeout", "0")
    argv = [box.run.bin / "ctr-wait", "--condition", "healthy", "web"]
    with subprocess.Popen(argv, env=box.run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        box.run(*end.split(), "web")
        _, err = process.communicate()
    assert process.returncode == 1
    assert "has ended" in err.decode() or (end == "ctr-rm -f" and "was removed" in err.decode())


def test_what_has_no_health(box: Box) -> None:
    box("-d", "--name", "plain", *FOREVER, rm=False)
    box.run("ctr-create", "--name", "made", "--health-cmd", "true", "busybox", "true")
    for name, said in (("plain", "has no health check"), ("made", "is created"), ("nothing", "no such container")):
        assert said in box.run("ctr-health", name, status=1).errors[0]["message"]
    assert box.run("ctr-health", "--run", "--paced", "plain", status=2).errors


def test_a_pipe_of_many(box: Box) -> None:
    for name in ("one", "two"):
        start(box, "--health-cmd", "true", *OFTEN, name=name)
    found = box.run.shell("ctr-ps | ctr-wait --condition healthy | ctr-health").documents
    assert sorted(one["name"] for one in found) == ["one", "two"]
    assert {one["status"] for one in found} == {"healthy"}
    assert set(box.run.shell("ctr-ps | ctr-health -q").out.decode().split()) == {one["id"] for one in found}


def test_the_run_time_directory_holds_it(box: Box) -> None:
    start(box, "--health-cmd", "true", "--health-interval", "1h")
    box.run("ctr-health", "--run", "web")
    found = json.loads((run_directory(box, "web") / "health.json").read_bytes())
    assert (found["status"], len(found["log"])) == ("healthy", 1)
