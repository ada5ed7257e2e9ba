"""compose-up that is interrupted, that fails, or that something is taken away from: while images are got, while others
are waited for, while a hook runs. It never hangs, and leaves nothing half done."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest
from nethosts import running, until
from projects import SLEEPS, Project, told

BUILDS = """
services:
  a: {build: {context: ., network: none, dockerfile_inline: "FROM busybox\\nRUN sleep 98761\\n"}}
  b: {build: {context: ., network: none, dockerfile_inline: "FROM busybox\\nRUN sleep 98762\\n"}}
  c: {image: busybox, command: sleep 1000, stop_signal: SIGKILL}
"""
WAITS = f"""
services:
  web: {SLEEPS.replace("}", ", depends_on: {db: {condition: service_healthy}}}")}
  db: {SLEEPS.replace("}", ", healthcheck: {test: test -e /well, interval: 50ms, retries: 100000}}")}
"""


def begin(project: Project, *argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        project.host.argv(str(project.host.run.bin / "compose-up"), *argv), cwd=project.directory,
        env=project.host.run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def interrupted(command: subprocess.Popen[bytes]) -> None:
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=60)
    assert command.returncode == -signal.SIGINT, err


def interrupted_twice(command: subprocess.Popen[bytes]) -> None:
    command.send_signal(signal.SIGINT)
    assert command.stderr is not None
    assert any(b"once more to kill" in line for line in iter(command.stderr.readline, b""))
    interrupted(command)


@pytest.mark.parametrize("argv", [["-d"], ["-d", "a"], []], ids=["background", "one", "foreground"])
def test_while_images_are_built(project: Project, argv: list[str]) -> None:
    """What their processes do is ended, too; what ran before goes on."""
    project.write(BUILDS)
    project.up("c")
    command = begin(project, *argv)
    until(lambda: all(running(one) for one in (["98761"] if "a" in argv else ["98761", "98762"])), 30)
    interrupted(command)
    until(lambda: running("98761") + running("98762") == [])
    assert {name: one["status"] for name, one in project.all().items()} == {"shop-c-1": "running"}
    project("compose-down")
    assert project.left() == []


def test_while_somebody_is_waited_for(project: Project) -> None:
    """In the foreground what was begun is stopped; in the background it goes on, and the next one goes on with it."""
    project.write(WAITS)
    for argv, status in (([], "stopped"), (["-d"], "running")):
        command = begin(project, *argv)
        until(lambda: project.all().get("shop-db-1", {}).get("status") == "running", 30)
        interrupted(command)
        assert {name: one["status"] for name, one in project.all().items()} == {"shop-db-1": status}
    project("compose-exec", "db", "touch", "/well")
    assert [one["status"] for one in project.up().values()] == ["running", "running"]


def test_while_a_hook_runs(project: Project) -> None:
    """Once, it waits for the hook; twice, the container is killed with it."""
    hook = ", post_start: [{command: sleep 98763}]}"
    project.write(f"services: {{a: {SLEEPS.replace('}', hook)}}}")
    command = begin(project)
    until(lambda: running("98763"), 30)
    interrupted_twice(command)
    assert project.all()["shop-a-1"]["status"] == "stopped"


def test_hooks_that_were_cut_off_or_failed(project: Project) -> None:
    """The next one runs them, from the first; the one after that has nothing to do."""
    service = SLEEPS.replace("}", ", post_start: [{command: [sh, -c, '%s']}, {command: [sh, -c, '%s']}]}")
    project.write(f"services: {{a: {service % ('echo >>/ran', 'test -e /go || sleep 98764')}}}")
    command = begin(project, "-d")
    until(lambda: running("98764"), 30)
    command.kill()
    command.communicate(timeout=60)
    before = project.all()["shop-a-1"]["pid"]
    project("compose-exec", "a", "touch", "/go")
    assert project.plan() == ["start shop-a-1 post_start"]
    for name in ("compose-up", "compose-start"):
        assert project(name, "--dry-run").err == b'would start shop-a-1: post_start "due"\n'
    stale = project("compose-plan").out
    project.up()
    assert project.text("a", "wc", "-l", "/ran") == "2 /ran\n"
    assert project.all()["shop-a-1"]["pid"] == before
    assert project.plan() == []
    assert "has changed since the plan was made" in project.refused("compose-up", "-d", "--plan", "-", input=stale)
    project.up()
    project("compose-start")
    assert project.text("a", "wc", "-l", "/ran") == "2 /ran\n"

    failing = service % ("echo >>/ran", "exit 3")
    project.write(f"services: {{a: {failing}}}")
    assert "ended with status 3" in told(project("compose-restart", "-t", "0", status=1))[0]["message"]
    for name in (["compose-up", "-d"], ["compose-start"]):
        assert "ended with status 3" in told(project(*name, status=1))[0]["message"]
    project.write(f"services: {{a: {failing.replace('3', '0')}}}")
    assert project.plan() == ["start shop-a-1 post_start"]
    project("compose-start")
    assert project.plan() == []
    assert project.text("a", "wc", "-l", "/ran") == "6 /ran\n"


def test_steps_that_were_cut_off(project: Project) -> None:
    """The next one does them anew, and ends what the first has begun; interrupted twice, they are ended."""
    step = ", volumes: ['data:/data'], pre_start: [{command: [sh, -c, '%s']}]}"
    step %= "echo >>/data/ran; test -e /data/go || sleep 98765"
    project.write(f"services: {{a: {SLEEPS.replace('}', step)}}}\nvolumes: {{data: }}")
    command = begin(project, "-d")
    until(lambda: running("98765"), 30)
    command.kill()
    command.communicate(timeout=60)
    first = running("98765")
    command = begin(project)
    until(lambda: running("98765") and not set(first) & set(running("98765")), 30)
    assert project.all()["shop-a-1"]["status"] == "created"
    interrupted_twice(command)
    until(lambda: running("98765") == [])
    assert list(project.all()) == ["shop-a-1"]
    project.host.run("ctr-run", "--rm", "-v", "shop_data:/data", "busybox", "touch", "/data/go")
    assert project.plan() == ["start shop-a-1 status"]
    project.up()
    assert project.text("a", "wc", "-l", "/data/ran") == "3 /data/ran\n"
    assert project.plan() == []


def test_what_is_to_be_made_anew_is_removed(project: Project) -> None:
    """While what it depends on is waited for."""
    project.write(WAITS.replace("test -e /well", "test -d /"))
    before = project.up()["shop-db-1"]["id"]
    project.write(WAITS.replace("1000", "999"))
    command = begin(project, "-d")
    until(lambda: project.all().get("shop-db-1", {}).get("id", before) != before, 30)
    project.host.run("ctr-rm", "-f", "shop-web-1")
    until(lambda: project("compose-exec", "db", "touch", "/well", status=None).status == 0)
    _, err = command.communicate(timeout=60)
    assert b"web: shop-web-1: was removed while this went on (compose-up makes it again)" in err
    assert command.returncode == 1
    assert list(project.up()) == ["shop-db-1", "shop-web-1"]


def test_what_is_waited_for_is_removed(project: Project) -> None:
    project.write(WAITS)
    command = begin(project, "-d")
    until(lambda: project.all().get("shop-db-1", {}).get("status") == "running", 30)
    project.host.run("ctr-rm", "-f", "shop-db-1")
    _, err = command.communicate(timeout=60)
    assert command.returncode == 1
    (error,) = json.loads(err.splitlines()[-1])["errors"]
    assert error["message"] in (  # whatever of its end is seen first
        "web: needs db: its container was removed while it was waited for",
        "web: needs db: shop-db-1: has ended with status 137, and was not healthy",
    )
    assert project.all() == {}


def test_what_fails_in_the_foreground_is_told(project: Project) -> None:
    """Also before any container is there."""
    project.write(BUILDS.replace("sleep 9876", "exit 1"))
    (error,) = told(project("compose-up", "a", status=1))
    assert error["message"].startswith("a: shop-a cannot be had: ")
    assert "no such service" in project.refused("compose-up", "--exit-code-from", "nothing")
    assert project.all() == {}


def test_the_end_of_one_while_others_come(project: Project) -> None:
    """Nothing more is begun then, and all is stopped; a job that others wait for may end."""
    project.write(WAITS + "  job: {image: busybox, command: sh -c 'exit 5', depends_on: [db]}\n")
    project("compose-up", "--abort-on-container-exit", status=5)
    assert {name: one["status"] for name, one in project.all().items()} == {
        "shop-db-1": "stopped", "shop-job-1": "stopped",
    }  # fmt: skip
    project("compose-down")
    project.write("""
services:
  migrate: {image: busybox, command: "true"}
  tests:
    image: busybox
    command: sh -c 'exit 3'
    depends_on: {migrate: {condition: service_completed_successfully}}
""")
    project("compose-up", "--exit-code-from", "tests", status=3)


def test_several_at_once(project: Project) -> None:
    """The first one does it, the others find it done."""
    project.write(f"""
services:
  web: {SLEEPS.replace("}", ", volumes: ['files:/files', /cache], depends_on: [db], environment: {A: '${A:-1}'}}")}
  db: {SLEEPS.replace("}", ", secrets: [s]}")}
volumes: {{files: }}
secrets: {{s: {{environment: PATH}}}}
""")
    for setting in ("1", "2"):
        commands = [
            subprocess.Popen(
                project.host.argv(str(project.host.run.bin / "compose-up"), "-d"), cwd=project.directory,
                env={**project.host.run.env, "A": setting}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for _ in range(3)
        ]  # fmt: skip
        found = [one.communicate(timeout=60) for one in commands]
        assert [one.returncode for one in commands] == [0, 0, 0], found
        assert len({out for out, _ in found}) == 1
        assert sum(b"create " in err or b"recreate " in err for _, err in found) == 1
        assert list(project.all()) == ["shop-db-1", "shop-web-1"]
    commands = [
        subprocess.Popen(
            project.host.argv(str(project.host.run.bin / "compose-down"), "-v"), cwd=project.directory,
            env=project.host.run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    found = [one.communicate(timeout=60) for one in commands]
    assert [one.returncode for one in commands] == [0, 0, 0], found
    assert project.left() == []
