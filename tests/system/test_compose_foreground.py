"""compose-up in the foreground, and the logs of a project."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess

from nethosts import until
from projects import SLEEPS, Project

from oci_spec import validate

TALK = """
services:
  a:
    image: busybox
    command: sh -c 'echo of a; trap "echo bye; exit 0" TERM; while :; do sleep 0.05; done'
  b:
    image: busybox
    command: sh -c 'echo of b; trap "exit 4" TERM; while :; do sleep 0.05; done'
    depends_on: [a]
"""


def begin(project: Project, *argv: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        project.host.argv(str(project.host.run.bin / "compose-up"), *argv), cwd=project.directory,
        env=project.host.run.env, stdout=stdout, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_lines_until_it_is_interrupted(project: Project) -> None:
    project.write(TALK)
    command = begin(project)
    assert command.stdout is not None
    first = json.loads(command.stdout.readline())
    validate.check("log-entry", first, "it")
    assert (first["container"], first["line"]) == ("shop-a-1", "of a")
    assert json.loads(command.stdout.readline())["line"] == "of b"
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == -signal.SIGINT, err
    assert [json.loads(line)["line"] for line in out.splitlines()] == ["bye"]
    assert {name: one["exitCode"] for name, one in project.all().items()} == {"shop-a-1": 0, "shop-b-1": 4}
    last = {name: one["annotations"]["org.ocipipe.finished"] for name, one in project.all().items()}
    assert last["shop-b-1"] < last["shop-a-1"]  # the other way round

    lines = project("compose-logs").documents
    assert [one["line"] for one in lines] == ["of a", "bye", "of b"]
    text = project("compose-logs", "--format", "table", "--no-log-prefix", "-n", "1", "a").out
    assert text == b"bye\n"
    assert "is for text" in project.refused("compose-logs", "--timestamps", status=2)


def test_a_terminal_shows_names_in_colours(project: Project) -> None:
    project.write(TALK)
    master, slave = pty.openpty()
    command = begin(project, stdout=slave)
    os.close(slave)
    shown = b""
    while b"of b" not in shown:
        assert select.select([master], [], [], 30)[0]
        shown += os.read(master, 4096)
    command.send_signal(signal.SIGTERM)
    until(lambda: project.all()["shop-a-1"]["status"] != "running", 30)
    command.communicate(timeout=60)
    os.close(master)
    assert command.returncode == -signal.SIGTERM
    assert re.search(rb"\x1b\[36ma-1 \| \x1b\[0mof a\r\n", shown)
    assert re.search(rb"\x1b\[33mb-1 \| \x1b\[0mof b\r\n", shown)


def test_the_second_interruption_kills(project: Project) -> None:
    project.write("services: {a: {image: busybox, command: sh -c 'echo up; exec sleep 1000', stop_grace_period: 50s}}")
    command = begin(project)
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.readline()
    command.send_signal(signal.SIGINT)
    while b"once more to kill" not in command.stderr.readline():
        pass
    command.send_signal(signal.SIGINT)
    assert command.wait(timeout=30) == -signal.SIGINT
    command.communicate()
    assert project.all()["shop-a-1"]["exitCode"] == 137


def test_the_end_of_one_ends_all(project: Project) -> None:
    project.write(f"services: {{job: {{image: busybox, command: sh -c 'sleep 0.1; exit 5'}}, web: {SLEEPS}}}")
    project("compose-up", "--abort-on-container-exit", status=5)
    assert [one["status"] for one in project.all().values()] == ["stopped", "stopped"]
    project("compose-up", "--exit-code-from", "web", status=137)
    project("compose-up", "--abort-on-container-failure", status=5)
    done = project("compose-up", "job", "--attach", "web")
    assert b"shop-job-1 has ended with status 5" in done.err
    assert "is for the foreground" in project.refused("compose-up", "-d", "--exit-code-from", "web", status=2)


def test_waiting_until_all_is_well(project: Project) -> None:
    check = "healthcheck: {test: test -e /well, interval: 50ms, retries: 1000}"
    project.write(f"services: {{web: {SLEEPS.replace('}', f', {check}}}')}}}")
    assert "shop-web-1: is not well in time" in project.refused("compose-up", "--wait", "--wait-timeout", "0.2")
    project("compose-exec", "web", "touch", "/well")
    (found,) = project("compose-up", "--wait").documents
    assert found["health"] == "healthy"
    project("compose-down")
    project.write(f"services: {{web: {SLEEPS.replace('}', f', {check}}}').replace('1000}', '1}')}}}")
    assert project.refused("compose-up", "--wait").startswith("shop-web-1: is unhealthy")
