"""Compose commands that do nothing but say what they would do, and those that do one thing at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from commands import Commands
from projects import SLEEPS, Project, told

SHOP = """
services:
  web:
    image: localhost:1/shop/web
    build: {context: ., dockerfile_inline: "FROM busybox", network: none}
    command: sleep 1000
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_healthy, restart: true}}
    environment: {A: "${A:-1}"}
  db:
    image: busybox
    command: sleep 1000
    stop_signal: SIGKILL
    healthcheck: {test: "true", interval: 1h, start_period: 1h, start_interval: 50ms}
    volumes: ["data:/data"]
    secrets: [token]
volumes: {data: }
secrets: {token: {environment: A}}
"""


def everything(project: Project) -> object:
    """What there is: files with their inodes and times, interfaces, firewall."""
    env = project.host.run.env
    roots = [Path(env[name]) for name in ("OCIPIPE_ROOT", "OCIPIPE_RUN_ROOT")]
    found = {}
    for root in roots:
        for place, directories, files in os.walk(root):
            for name in (*directories, *files):
                path = os.path.join(place, name)
                one = os.lstat(path)
                found[path] = (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns)
    return found, project.host.interfaces, project.host.rules


def would(project: Project, name: str, *argv: str, env: dict[str, str] | None = None) -> list[str]:
    """What a command says that it would do; it does nothing, and nothing comes of it."""
    before = everything(project)
    done = project(name, "--dry-run", *argv, env={"A": "1", **(env or {})})
    assert everything(project) == before
    assert done.out == b""
    said = done.err.decode().splitlines()
    assert all(line.startswith("would ") for line in said), said
    return [line.removeprefix("would ") for line in said]


def test_nothing_is_done(project: Project, tmp_path: Path) -> None:
    project.write(SHOP)
    web = "localhost:1/shop/web"
    resources = ["create network shop_default", "create volume shop_data"]
    made = [f"build {web}", *resources, "create shop-db-1", "create shop-web-1"]
    nowhere = tmp_path / "nowhere"
    done = project("compose-up", "--dry-run", env={"OCIPIPE_ROOT": str(nowhere), "A": "1"})
    assert sorted(done.err.decode().splitlines()) == sorted(f"would {one}" for one in ("pull busybox", *made))
    assert not nowhere.exists()
    for name in ("compose-up", "compose-create"):
        assert would(project, name) == made
    assert would(project, "compose-up", "-d", "--wait") == made
    assert would(project, "compose-scale", "db=2") == [*resources, "create shop-db-1", "create shop-db-2"]
    assert would(project, "compose-run", "--name", "job", "web", "true") == [*made[1:-1], f"build {web}", "run job"]
    assert would(project, "compose-build", "--push") == [f"build {web}", f"push {web}"]
    assert would(project, "compose-pull") == ["pull busybox", f"pull {web}"]
    assert would(project, "compose-pull", "--policy", "missing", "db") == []

    project.up(env={"A": "1"})
    assert would(project, "compose-up") == []
    db, web_again = would(project, "compose-up", env={"A": "2"})
    assert db.startswith("recreate shop-db-1: secrets.token.digest ")
    assert web_again == 'recreate shop-web-1: environment.A "1" to "2"'
    for word, name in (("stop", "compose-stop"), ("send SIGKILL to", "compose-kill"), ("pause", "compose-pause")):
        assert would(project, name) == [f"{word} shop-web-1", f"{word} shop-db-1"]
    assert would(project, "compose-restart", "db") == ["restart shop-db-1", "restart shop-web-1"]
    assert would(project, "compose-push") == [f"push {web}"]
    assert would(project, "compose-rm") == []
    assert would(project, "compose-rm", "-s") == ["remove shop-web-1", "remove shop-db-1"]
    assert would(project, "compose-down", "-v", "--rmi", "all") == [
        "remove shop-web-1", "remove shop-db-1", "remove network shop_default", "remove volume shop_data",
        f"remove image {web}", "remove image busybox",
    ]  # fmt: skip
    assert would(project, "compose-cp", "web:/etc/passwd", "there") == ["copy shop-web-1:/etc/passwd to there"]
    assert "neither is in a container" in project.refused("compose-cp", "--dry-run", "a", "b", status=2, env={"A": "1"})
    project("compose-pause", "web", env={"A": "1"})
    project("compose-stop", "db", env={"A": "1"})
    assert would(project, "compose-unpause") == ["unpause shop-web-1"]
    assert would(project, "compose-start") == ['start shop-db-1: status "stopped" to "running"']


def test_what_watch_would_do(project: Project) -> None:
    """Of each change, also where nothing is up."""
    watch = "[{path: ., action: sync+restart, target: /app, initial_sync: true, ignore: [compose.yaml, go]}, "
    watch += "{path: ./go, action: rebuild}]"
    project.write(f"services: {{web: {SLEEPS.replace('}', f', develop: {{watch: {watch}}}}}')}}}")
    for name in ("a", "go"):
        (project.directory / name).write_text("1")
    before = everything(project)
    command = subprocess.Popen(
        project.host.argv(str(project.host.run.bin / "compose-watch"), "--dry-run"), cwd=project.directory,
        env=project.host.run.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert command.stderr is not None
    lines = (line.decode().strip() for line in command.stderr)
    try:
        synced = f"would sync+restart service web: {project.directory}/"
        expected = ["would create network shop_default", "would create shop-web-1", f"{synced}a"]
        assert [next(lines) for _ in expected] == expected
        for text in ("two", "three"):
            (project.directory / "a").write_text(text)
            assert next(lines) == f"{synced}a"
        (project.directory / "a").unlink()
        assert next(lines) == f"{synced}a"
        (project.directory / "go").write_text("2")
        assert next(lines) == f"would rebuild service web: {project.directory}/go"
    finally:
        command.send_signal(signal.SIGINT)
        out, _ = command.communicate(timeout=30)
    assert (command.returncode, out) == (-signal.SIGINT, b"")
    assert everything(project) == before


def test_one_at_a_time(project: Project) -> None:
    """Whoever is started finds nobody else at it."""
    alone = "cd /shared && mkdir turn && sleep 0.1 && rmdir turn"
    service = SLEEPS.replace("}", f", volumes: ['.:/shared'], post_start: [{{command: [sh, -c, '{alone}']}}]}}")
    project.write(f"services: {{a: {service}, b: {service}, c: {service}}}")
    assert len(project.up("--parallel", "1")) == 3
    assert len(project.up("--force-recreate", env={"COMPOSE_PARALLEL_LIMIT": "1"})) == 3
    assert "LIMIT=x: is no number" in project.refused("compose-up", env={"COMPOSE_PARALLEL_LIMIT": "x"}, status=2)


class Asked(BaseHTTPRequestHandler):
    """A registry that has nothing, and says so when two ask at the same time, or when it has waited long enough."""

    lock = threading.Lock()
    two = threading.Event()
    now = most = 0
    patience = 60.0

    def do_GET(self) -> None:
        there = self.path == "/v2/"
        if not there:
            self._wait()
        self.send_response(200 if there else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def _wait(self) -> None:
        with self.lock:
            Asked.now += 1
            Asked.most = max(Asked.most, Asked.now)
            if Asked.now == 2:
                self.two.set()
        self.two.wait(self.patience)
        with self.lock:
            Asked.now -= 1

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_images_are_pulled_side_by_side(project: Project) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        names = [f"127.0.0.1:{server.server_port}/{name}:1" for name in "ab"]
        project.write(f"services: {{a: {{image: '{names[0]}'}}, b: {{image: '{names[1]}'}}}}")
        outside = Commands(project.host.run.bin, project.host.run.env)  # where the registry is
        argv = ["compose-pull", "--tls-verify=false"]
        done = outside(*argv, cwd=project.directory, status=1)
        assert Asked.most == 2
        assert [name for one in told(done) for name in names if one["message"].startswith(name)] == names
        Asked.most, Asked.patience = 0, 0.2
        Asked.two.clear()
        outside(*argv, "--parallel", "1", cwd=project.directory, status=1)
        assert Asked.most == 1
        server.shutdown()
