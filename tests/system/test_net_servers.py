"""Servers as people run them: Debian's nginx and PostgreSQL, built by img-build, in containers that others talk to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import ADDRESS, NEIGHBOUR, Host, Place, until
from registry import DockerRegistry

from ocipipe.host import mounts, trees

NAME = "docker.io/library/servers:latest"
_FETCH = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=5) as answer: print(answer.headers["Server"], answer.read().decode())
"""


@pytest.fixture(scope="module")
def host(programs: Path, tmp_path_factory: pytest.TempPathFactory, servers_image: Image) -> Iterator[Host]:
    place = tmp_path_factory.mktemp("servers")
    env = {
        "PATH": os.environ["PATH"], "HOME": str(place), "OCIPIPE_ROOT": str(place / "store"),
        "OCIPIPE_RUN_ROOT": str(place / "run"), "TMPDIR": str(place),
    }  # fmt: skip
    servers_image.into_store(place / "store", NAME)
    with nethosts.host(Commands(programs, env)) as found:
        yield found
    assert mounts.mounted_under(str(place)) == []
    trees.remove_tree(str(place / "store"))


def fetch(place: Place, url: str) -> str:
    """What a web server sends; why nothing came."""
    argv = place.argv(sys.executable, "-c", _FETCH, url)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr.splitlines()[-1]


def test_nginx_on_a_published_port(host: Host, tmp_path: Path) -> None:
    """From the host, by its loopback and its own address, from another machine, and from another container, which is
    on another network; and again when everything was killed."""
    (tmp_path / "index.html").write_text("hello\n")
    web = ["-d", "--name", "web", "-p", "8080:80", "-v", f"{tmp_path}/index.html:/var/www/html/index.html:ro"]
    (made,) = host.json("ctr-run", *web, "servers", "nginx", "-g", "daemon off;")
    assert made["annotations"]["org.ocipipe.networks"] == "ocipipe"
    host.run("net-create", "lab")
    (other,) = host.json("ctr-run", "-d", "--name", "other", "--network", "lab", "servers", "sleep", "1000")
    places = {"127.0.0.1": host, ADDRESS: Place(f"/proc/{other['pid']}/ns/net")}

    def answers() -> None:
        for address, place in [*places.items(), (ADDRESS, host), (ADDRESS, host.neighbour)]:
            until(lambda at=address, there=place: fetch(there, f"http://{at}:8080/") == "nginx/1.22.1 hello\n\n")

    answers()
    log = host.run("ctr-exec", "web", "cat", "/var/log/nginx/access.log").out.decode()
    assert any(line.startswith(f"{NEIGHBOUR} ") for line in log.splitlines()), "who asks from outside is seen"
    monitor = int((host.run_root / "containers" / made["id"] / "monitor").read_text())
    for pid in (monitor, made["pid"]):
        os.kill(pid, signal.SIGKILL)
    until(lambda: "hello" not in fetch(host, "http://127.0.0.1:8080/"))
    host.run("ctr-start", "web")
    answers()
    host.run("ctr-rm", "-f", "web", "other")


def test_postgresql_keeps_its_rows_in_a_volume(host: Host, tmp_path: Path) -> None:
    """Pulled from a registry on loopback, over remove and run again, and over kill -9; an application finds it by its
    name."""
    host.run("net-create", "mynetwork")
    with DockerRegistry(tmp_path, inside=host.argv()) as registry:
        image = f"{registry.address}/postgres"
        host.run("img-push", "servers", image)
        _story(host, image)


def _story(host: Host, image: str) -> None:
    rows = ["-v", "rows:/var/lib/postgresql"]

    def server() -> None:
        host.run("ctr-run", "-d", "--network", "mynetwork", "--name", "db", *rows, image)
        until(lambda: asked("select 1") == "1", 60)

    def asked(query: str) -> str:
        psql = ["psql", "-h", "db", "-U", "postgres", "-Atc", query]
        done = host.run("ctr-run", "--rm", "--network", "mynetwork", "servers", *psql, status=None)
        return done.out.decode().strip()

    server()
    asked("create table kept (word text); insert into kept values ('one')")
    host.run("ctr-rm", "-f", "db")
    server()
    assert asked("select * from kept") == "one"
    asked("insert into kept values ('two')")
    (found,) = host.json("ctr-ps")
    monitor = int((host.run_root / "containers" / found["id"] / "monitor").read_text())
    for pid in (monitor, found["pid"]):
        os.kill(pid, signal.SIGKILL)
    host.run("ctr-rm", "-f", "db")
    server()
    assert asked("select * from kept order by word") == "one\ntwo"
    host.run("ctr-rm", "-f", "-v", "db")
    assert [one["name"] for one in host.json("vol-ls")] == ["rows"], "a named volume goes with nobody"
