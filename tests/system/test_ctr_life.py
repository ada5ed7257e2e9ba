"""Containers from their making to their removal, each step a command of its own, and the commands in pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lives import CODE, Lives, cgroups
from runtimes import SlowRuntime

from oci_spec import validate
from ocipipe.host import kernel_log, process
from ocipipe.runtime import memory

SLEEPS = "trap 'exit 3' TERM; while :; do sleep 0.05; done"


@pytest.mark.smoke
def test_the_whole_life(lives: Lives) -> None:
    (made,) = lives("ctr-create", "--name", "web", "--label", "tier=test", "busybox", "sh", "-c", SLEEPS).documents
    assert made["status"] == "created"
    assert lives("ctr-ps").out == b""
    assert lives("ctr-ps", "-a").documents == [made]
    (started,) = lives("ctr-start", "web").documents
    assert (started["id"], started["status"]) == (made["id"], "running")
    assert lives("ctr-ps").documents == [started]
    assert lives("ctr-start", "web").documents == [started]  # fine: it runs already
    for command, status in (("ctr-pause", "paused"), ("ctr-unpause", "running")):
        (found,) = lives(command, "web").documents
        assert found["status"] == status == lives.status("web")
    (stopped,) = lives("ctr-stop", "web").documents
    assert (stopped["status"], stopped["annotations"][CODE]) == ("stopped", "3")
    assert stopped["annotations"]["tier"] == "test"
    assert lives("ctr-stop", "web").documents == [stopped]  # fine: it does not run
    (again,) = lives("ctr-restart", "web").documents
    assert again["status"] == "running"
    assert again["pid"] != started["pid"]
    (killed,) = lives("ctr-kill", "web").documents
    assert (killed["status"], killed["annotations"][CODE]) == ("stopped", "137")
    (renamed,) = lives("ctr-rename", "web", "old").documents
    assert renamed["annotations"]["org.ocipipe.name"] == "old"
    (removed,) = lives("ctr-rm", "old").documents
    assert removed["id"] == made["id"]
    assert lives.left() == []
    assert cgroups(made["id"]) == []
    actions = [event["action"] for event in lives("ctr-events", "--no-follow").documents]
    assert actions == [
        "create", "start", "pause", "unpause", "die", "stop", "start", "restart", "kill", "die", "rename", "remove",
    ]  # fmt: skip


@pytest.mark.smoke
def test_pipes(lives: Lives) -> None:
    run = lives.run
    (found,) = run.shell("ctr-create --name a busybox sh -c 'exit 4' | ctr-start | ctr-wait").documents
    assert found["annotations"][CODE] == "4"
    run.shell("ctr-create --name b busybox sh -c 'exit 5' | ctr-start | ctr-wait --exit-status", status=5)
    for name in ("c", "d"):
        lives.detached("--name", name, "--label", f"tier={name}")
    run.shell("""ctr-ps | jq -r 'select(.annotations.tier=="c").id' | ctr-stop -t 0""")
    assert {name: one["status"] for name, one in lives.all().items()} == {
        "a": "stopped", "b": "stopped", "c": "stopped", "d": "running",
    }  # fmt: skip
    assert run.shell("ctr-ps -q | ctr-stop -t 0 | ctr-rm | jq -r .status").out == b"stopped\n"
    run.shell("ctr-ps -a | ctr-rm")
    assert lives.left() == []


def test_the_same_container_again(lives: Lives) -> None:
    lives("ctr-create", "--name", "one", "-e", "A=1", "--hostname", "here", "--label", "x=y", "--stop-timeout", "1",
          "busybox", "sh", "-c", "echo $A $B; hostname")  # fmt: skip
    lives.run.shell("ctr-inspect one | ctr-create --name two - | ctr-start | ctr-wait")
    lives.run.shell("ctr-inspect one | jq -c '.config.process.env += [\"B=2\"]' | ctr-create --name three - | ctr-start"
                    " | ctr-wait")  # fmt: skip
    one, two, three = (lives("ctr-inspect", name).documents[0] for name in ("one", "two", "three"))
    for document in (one, two, three):
        validate.check("container-inspect", document, "it")
    same = ("command", "labels", "stopTimeout", "stopSignal", "restartPolicy", "image", "chainIds", "names")
    assert {key: one["record"][key] for key in same} == {key: two["record"][key] for key in same}

    def plain(document: dict[str, object]) -> str:
        text = json.dumps(document["config"], sort_keys=True)
        record: dict[str, str] = document["record"]  # type: ignore[assignment]
        return (
            text.replace(record["id"], "ID").replace(record["created"], "TIME").replace(f'"{record["name"]}"', '"NAME"')
        )

    assert plain(one) == plain(two)
    assert [one for one in three["config"]["process"]["env"] if one not in two["config"]["process"]["env"]] == ["B=2"]
    logs = {name: (lives.root / "containers" / doc["record"]["id"] / "log").read_text() for name, doc in
            (("two", two), ("three", three))}  # fmt: skip
    assert "stdout F 1\n" in logs["two"]
    assert "stdout F 1 2\n" in logs["three"]
    assert lives.refused("ctr-create", "-e", "X=1", "-", status=2, input=json.dumps(one).encode())


REFUSED = [
    (["ctr-start", "nothing"], "nothing: no such container"),
    (["ctr-stop", "nothing"], "nothing: no such container"),
    (["ctr-rm", "nothing"], "nothing: no such container"),
    (["ctr-wait", "nothing"], "nothing: no such container"),
    (["ctr-inspect", "nothing"], "nothing: no such container"),
    (["ctr-rm", "runs"], "runs: is running (ctr-stop it first, or ctr-rm --force)"),
    (["ctr-kill", "made"], "made: does not run (ctr-start it first)"),
    (["ctr-pause", "made"], "made: is created (only a running container can be paused)"),
    (["ctr-unpause", "runs"], "runs: is running (only a paused container can be unpaused)"),
    (["ctr-rename", "made", "runs"], "runs: the name is in use by container"),
    (["ctr-top", "made"], "made: does not run (ctr-start it first)"),
    (["ctr-create", "--name", "runs", "busybox"], "runs: the name is in use by container"),
    (["ctr-wait", "--condition", "healthy", "runs"], "runs: has no health check (make it with --health-cmd)"),
    (["ctr-wait", "--timeout", "0.1", "runs"], "runs: has not ended in time (wait longer with --timeout)"),
]


def test_refusals(lives: Lives) -> None:
    lives("ctr-create", "--name", "made", "busybox", "true")
    lives.detached("--name", "runs")
    before = lives.all()
    for argv, words in REFUSED:
        assert lives.refused(*argv).startswith(words)
        assert lives.all() == before, argv


def test_an_ambiguous_id(lives: Lives) -> None:
    found: dict[str, str] = {}
    for _ in range(17):  # of seventeen ids two begin with the same digit
        (made,) = lives("ctr-create", "busybox").documents
        if made["id"][0] in found:
            break
        found[made["id"][0]] = made["id"]
    assert "stands for 2 containers (give more digits)" in lives.refused("ctr-start", made["id"][0])


def test_a_command_that_is_not_there(lives: Lives) -> None:
    """The container stays as it was made, and says nothing of having run."""
    (made,) = lives("ctr-create", "--name", "x", "busybox", "none").documents
    assert "none: command not found" in lives.refused("ctr-start", "x")
    assert "none: command not found" in lives.refused("ctr-start", "-a", "x", status=127)
    assert lives.all() == {"x": made}
    assert "none" in lives.refused("ctr-run", "-d", "--name", "y", "busybox", "none", status=127)
    assert list(lives.all()) == ["x"]
    lives("ctr-create", "--name", "z", "--sysctl", "net.nothing=1", "busybox", "true")
    assert "nothing" in lives.refused("ctr-start", "z")
    assert lives.status("z") == "created"
    assert cgroups(made["id"]) == []


def test_exit_status_of_a_container_that_is_gone(lives: Lives) -> None:
    found = lives.detached("--rm", "--name", "brief", "--", "sh", "-c", "exit 9")
    lives.until(lambda: lives.status("brief") == "gone")
    for text in ("brief", found["id"], found["id"][:12]):
        assert lives("ctr-wait", "--exit-status", text, status=9).out == b""
    assert lives("ctr-wait", "brief").documents[0]["annotations"][CODE] == "9"
    assert lives("ctr-wait", "--condition", "removed", "brief").documents[0]["id"] == found["id"]


def test_waiting_while_it_is_removed_at_its_end(lives: Lives) -> None:
    lives.detached("--rm", "--name", "brief", "--", "sh", "-c", "sleep 0.5; exit 6")
    with ThreadPoolExecutor() as pool:
        waits = [pool.submit(lives, "ctr-wait", "--exit-status", "brief", status=None) for _ in range(4)]
    assert [one.result().status for one in waits] == [6] * 4


@pytest.mark.smoke
def test_killed_for_want_of_memory(lives: Lives, tmp_path: Path) -> None:
    """The record tells it, as the kernel's log does, of the last run only. What stays beside the container is nowhere
    near the directory that its user was in."""
    here = tmp_path / "here"
    here.mkdir()
    script = "read line; exec tail /dev/zero"
    found = lives.detached("-i", "--name", "greedy", "--memory", "32m", "--", "sh", "-c", script, cwd=here)
    assert os.readlink(f"/proc/{lives.monitor(found)}/cwd") == found["bundle"]
    lives("ctr-attach", "greedy", input=b"\n", status=137)
    (whole,) = lives("ctr-inspect", "greedy").documents
    assert whole["record"]["oomKilled"] is True
    kills = kernel_log.memory_kills(kernel_log.records())
    assert [one.pid for one in kills if memory.is_of(one, found["id"], 0)] == [found["pid"]]
    assert list(here.iterdir()) == []
    lives("ctr-start", "greedy")
    lives("ctr-kill", "greedy")
    lives("ctr-wait", "--exit-status", "greedy", status=137)
    (whole,) = lives("ctr-inspect", "greedy").documents
    assert whole["record"]["oomKilled"] is False


@pytest.mark.smoke
def test_stop_goes_on_to_kill(lives: Lives) -> None:
    lives.detached("--name", "deaf", "--stop-timeout", "1", "--", "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    (found,) = lives("ctr-stop", "deaf").documents
    assert found["annotations"][CODE] == "137"


def test_all_that_are_to_stop_are_stopped(lives: Lives) -> None:
    """Also beside what is none, in front of what breaks off, and when they are named twice."""
    for name in ("a", "b"):
        lives.detached("--name", name, "--", "sh", "-c", SLEEPS)
    done = lives("ctr-stop", "a", "-", "none", "a", input=b'b\n{"id":"x"}\n{"id"', status=1)
    codes = [(one["annotations"]["org.ocipipe.name"], one["annotations"][CODE]) for one in done.documents]
    assert codes == [("a", "3"), ("b", "3")]
    none, broken = (one["message"] for one in done.errors)
    assert none == "container on stdin: lacks ociVersion"
    assert "not JSON" in broken
    assert len(lives("ctr-stop", "a", "a").documents) == 2
    assert [one["action"] for one in lives("ctr-events", "--no-follow").documents].count("stop") == 2


def test_the_stop_signal(lives: Lives) -> None:
    script = "trap 'exit 8' USR1; while :; do sleep 0.05; done"
    lives.detached("--name", "x", "--stop-signal", "USR1", "--", "sh", "-c", script)
    lives.until(lambda: "sleep" in str(lives("ctr-top", "x").documents))
    assert lives("ctr-stop", "x").documents[0]["annotations"][CODE] == "8"
    assert "no signal" in lives.refused("ctr-kill", "-s", "NONE", "x", status=2)


def test_a_paused_one_is_stopped_and_removed(lives: Lives) -> None:
    for name, command in (("a", ["ctr-stop", "-t", "0"]), ("b", ["ctr-rm", "-f"]), ("c", ["ctr-kill"])):
        lives.detached("--name", name)
        lives("ctr-pause", name)
        lives(*command, name)
    assert {name: one["status"] for name, one in lives.all().items()} == {"a": "stopped", "c": "stopped"}


def test_what_was_written_stays_until_it_is_removed(lives: Lives) -> None:
    lives("ctr-create", "--name", "counts", "busybox", "sh", "-c", "echo x >>/count; chmod 700 /; cat /count | wc -l")
    for number in (1, 2, 3):
        done = lives("ctr-start", "-a", "counts")
        assert done.out.split() == [str(number).encode()]
    (found,) = lives("ctr-inspect", "--size", "counts").documents
    assert found["layerSize"] > 0
    assert os.stat(lives.root / "containers" / found["record"]["id"] / "upper").st_mode & 0o777 == 0o700


def test_filters(lives: Lives) -> None:
    lives.detached("--name", "one", "--label", "a=1", "--label", "b")
    lives.detached("--name", "two", "--label", "a=2")
    lives("ctr-create", "--name", "three", "busybox", "true")

    def names(*filters: str) -> set[str]:
        words = [word for one in filters for word in ("-f", one)]
        return {one["annotations"]["org.ocipipe.name"] for one in lives("ctr-ps", *words).documents}

    assert names() == {"one", "two"}
    assert names("label=a=1") == {"one"}
    assert names("label=a") == {"one", "two"}
    assert names("label=a", "label=b") == {"one"}
    assert names("name=t") == {"two"}
    assert names("name=one", "name=two") == {"one", "two"}
    assert names("name=^o$") == set()
    assert names("name=^/one$") == names("name=^(one|three)$") == {"one"}
    assert names("health=none") == {"one", "two"}
    assert names("status=created") == {"three"}
    assert names("status=created", "status=running") == {"one", "two", "three"}
    assert names("ancestor=busybox") == {"one", "two"}
    assert names("ancestor=debian") == set()
    assert names(f"id={lives.all()['one']['id'][:8]}") == {"one"}
    assert lives("ctr-ps", "-l", "-q").out.strip().decode() == lives.all()["three"]["id"]
    assert names("before=two") == {"one"}
    assert names("since=one") == {"two"}
    assert names("since=one", "before=three") == {"two"}
    assert lives.refused("ctr-ps", "-f", "since=none").startswith("none: no such container")
    assert "is no filter" in lives.refused("ctr-ps", "-f", "nothing=1", status=2)
    assert "is no status" in lives.refused("ctr-ps", "-f", "status=well", status=2)
    assert "is no state of health" in lives.refused("ctr-ps", "-f", "health=well", status=2)
    assert "is no regular expression" in lives.refused("ctr-ps", "-f", "name=[", status=2)


def test_replace(lives: Lives) -> None:
    first = lives.detached("--name", "web")
    second = lives.detached("--name", "web", "--replace")
    assert first["id"] != second["id"]
    assert list(lives.all()) == ["web"]
    assert "needs the --name" in lives.refused("ctr-run", "-d", "--replace", "busybox", status=2)


@pytest.mark.smoke
def test_top_and_stats(lives: Lives) -> None:
    found = lives.detached("--name", "x", "--memory", "64m", "--pids-limit", "9", "--", "sh", "-c", "sleep 1000 & wait")
    lives.until(lambda: len(lives("ctr-top", "x").documents) == 2)
    rows = lives("ctr-top", "x").documents
    for row in rows:
        validate.check("process", row, "a process")
    assert [row["command"][0] for row in rows] == ["sh", "sleep"]
    assert rows[0]["pid"] == found["pid"]
    assert rows[0]["containerPid"] == 1
    (told,) = lives("ctr-stats", "--no-stream", "x").documents
    validate.check("stats", told, "the stats")
    assert told["memory"]["limit"] == 64 << 20
    assert 0 < told["memory"]["usage"] < 64 << 20
    assert told["pids"] == {"current": 2, "limit": 9}
    assert told["cpu"]["usage"] > 0
    lives("ctr-stop", "-t", "0", "x")
    assert lives("ctr-stats", "--no-stream").documents == []
    (none,) = lives("ctr-stats", "-a").documents  # ends: none runs
    validate.check("stats", none, "the stats")
    assert none["memory"] == {"usage": None, "limit": None}


def test_prune(lives: Lives) -> None:
    lives.detached("--name", "runs")
    lives("ctr-create", "--name", "young", "busybox", "true")
    lives.run.shell("ctr-create --name ended --label keep=no busybox true | ctr-start | ctr-wait")
    (planned,) = lives("ctr-prune", "--plan").documents
    assert (planned["action"], planned["object"]["id"]) == ("delete", lives.all()["ended"]["id"])
    assert lives("ctr-prune", "--plan", "--filter", "label=other").documents == []
    assert set(lives.all()) == {"runs", "young", "ended"}
    lives("ctr-prune", "--apply", "-", input=json.dumps(planned).encode())
    assert set(lives.all()) == {"runs", "young"}


# --- what is killed


def test_the_command_that_started_it_is_killed(lives: Lives, tmp_path: Path) -> None:
    """The container goes on, and its exit status is known."""
    (tmp_path / "shared").mkdir()
    script = "echo up; until [ -e /mnt/go ]; do sleep 0.05; done; exit 6"
    argv = [lives.run.bin / "ctr-run", "--name", "x", "-v", f"{tmp_path}/shared:/mnt", "busybox", "sh", "-c", script]
    started = subprocess.Popen(argv, env=lives.run.env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert started.stdout is not None
    assert started.stdout.read(2) == b"up"
    started.kill()
    started.communicate()
    assert lives.status("x") == "running"
    (tmp_path / "shared" / "go").touch()
    lives("ctr-wait", "--exit-status", "x", status=6)


def test_the_monitor_is_killed(lives: Lives) -> None:
    """The process goes on and can be stopped; how it ended nobody knows, and nobody makes it up."""
    found = lives.detached("--name", "x", "--", "sh", "-c", SLEEPS)
    os.kill(lives.monitor(found), signal.SIGKILL)
    lives.until(lambda: not process.is_alive(lives.monitor(found)))
    assert lives.all()["x"]["status"] == "running"
    assert "has not ended in time" in lives.refused("ctr-wait", "--timeout", "0.1", "x")
    (stopped,) = lives("ctr-stop", "x").documents
    assert stopped["status"] == "stopped"
    assert CODE not in stopped["annotations"]
    assert "nobody knows its exit status" in lives.refused("ctr-wait", "x")
    assert "nobody knows its exit status" in lives.refused("ctr-wait", "--exit-status", "x", status=125)
    assert cgroups(found["id"]) == []
    assert lives("ctr-start", "x").documents[0]["status"] == "running"


def test_monitor_and_process_are_killed(lives: Lives) -> None:
    found = lives.detached("--name", "x")
    os.kill(lives.monitor(found), signal.SIGKILL)
    os.kill(found["pid"], signal.SIGKILL)
    lives.until(lambda: lives.status("x") == "stopped")
    assert "nobody knows its exit status" in lives.refused("ctr-wait", "x")
    lives("ctr-rm", "x")
    assert cgroups(found["id"]) == []


def test_after_a_reboot(lives: Lives) -> None:
    """Run-time state is gone and nothing runs: no process id that another has by now is believed."""
    found = lives.detached("--name", "x")
    os.kill(lives.monitor(found), signal.SIGKILL)
    os.kill(found["pid"], signal.SIGKILL)
    subprocess.run(["umount", lives.root / "containers" / found["id"] / "rootfs"], check=True)
    place = lives.run_root / "containers" / found["id"]
    place.joinpath("pid").write_text(str(os.getpid()))
    place.joinpath("monitor").write_text(str(os.getpid()))
    assert lives.status("x") == "stopped"
    for path in sorted(lives.run_root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert lives.status("x") == "stopped"
    assert lives("ctr-start", "x").documents[0]["status"] == "running"
    assert cgroups(found["id"]) != []


def test_what_is_coming_does_not_run_yet(lives: Lives, tmp_path: Path) -> None:
    """While the runtime takes its time to create it."""
    slow = SlowRuntime(tmp_path)
    lives("ctr-create", "--name", "x", "--runtime", slow.path, "busybox", "sleep", "1000")
    with ThreadPoolExecutor(3) as pool:
        starts = pool.submit(lives, "ctr-start", "x")
        lives.until(slow.came.exists)
        record = lives.root / "containers" / "names" / "x" / "record.json"
        lives.until(lambda: json.loads(record.read_bytes())["status"] == "running")
        assert lives.status("x") == "created"
        assert lives("ctr-ps").documents == []
        waits = pool.submit(lives, "ctr-wait", "--condition", "running", "x")
        removes = pool.submit(lives.refused, "ctr-rm", "x")
        slow.go.touch()
        assert starts.result().documents[0]["status"] == waits.result().documents[0]["status"] == "running"
        assert removes.result() == "x: is running (ctr-stop it first, or ctr-rm --force)"


def test_fifty_at_once(lives: Lives) -> None:
    def start(number: int) -> int:
        return lives("ctr-run", "-d", "--name", f"n{number}", "busybox", "sh", "-c", SLEEPS, status=None).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(start, range(50))) == {0}
        found = lives.all()
        assert len(found) == 50
        assert {one["status"] for one in found.values()} == {"running"}
        assert len({one["pid"] for one in found.values()}) == 50
        stops = pool.map(lambda name: lives("ctr-stop", name, status=None), found)
        codes = [(one.status, one.documents[0]["annotations"][CODE]) for one in stops]
    assert {status for status, _ in codes} == {0}
    assert {code for _, code in codes} <= {"3", "137"}
    assert {one["status"] for one in lives.all().values()} == {"stopped"}
