"""Applications as people compose them, of images that img-build has made of packages of Debian and PyPI: a web service
over a database, and a shop of all the parts that such things have."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import Host, Place, until
from projects import Project

from ocipipe.host import mounts, trees

APP = Path(__file__).resolve().parent.parent / "support" / "apps"
SERVERS = "docker.io/library/servers:latest"
WORDS = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_ASK = """
import sys, urllib.error, urllib.request
for _ in range(int(sys.argv[4])):
    wanted = urllib.request.Request(sys.argv[1], data=sys.argv[2].encode() or None)
    if sys.argv[3]: wanted.add_header("Authorization", "Basic " + sys.argv[3])
    try:
        with urllib.request.urlopen(wanted, timeout=10) as answer: print(answer.read().decode())
    except (OSError, urllib.error.HTTPError) as error:
        print(error)
"""


def ask(place: Place, url: str, data: str = "", *, user: str = "", times: int = 1) -> list[str]:
    """What a web service answers; why it does not."""
    argv = place.argv(sys.executable, "-c", _ASK, url, data, user, str(times))
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module")
def host(programs: Path, tmp_path_factory: pytest.TempPathFactory, servers_image: Image) -> Iterator[Host]:
    """A host with the servers, and with what the seed application is built from; that came from where this machine gets
    its packages."""
    place = tmp_path_factory.mktemp("stacks")
    env = {
        "PATH": os.environ["PATH"], "HOME": str(place), "LANG": "C.UTF-8", "OCIPIPE_ROOT": str(place / "store"),
        "OCIPIPE_RUN_ROOT": str(place / "run"), "OCIPIPE_NETWORK": "none", "TMPDIR": str(place),
    }  # fmt: skip
    servers_image.into_store(place / "store", SERVERS)
    shutil.copytree(APP / "seed", place / "built" / "seed")
    outside = Commands(programs, {**env, **{word: os.environ[word] for word in WORDS if word in os.environ}})
    outside("compose-build", "--project-directory", place / "built" / "seed", timeout=600, cwd=place / "built" / "seed")
    with nethosts.host(Commands(programs, env)) as found:
        yield found
    left = mounts.mounted_under(str(place / "store"))
    mounts.unmount_under(str(place / "store"))
    trees.remove_tree(str(place / "store"))
    assert left == []


def project(host: Host, place: Path, name: str) -> Project:
    shutil.copytree(APP / name, place / name)
    return Project(host, place / name)


def test_the_seed_application(host: Host, tmp_path: Path) -> None:
    """A web service that is built from its directory, published on port 8000, and a database: its rows stay with their
    volume, and go with it. A change of the program comes in by itself."""
    seed = project(host, tmp_path, "seed")
    url = "http://127.0.0.1:8000/"
    found = seed.up("--build", "--wait")
    assert {name: one["status"] for name, one in found.items()} == {"seed-db-1": "running", "seed-web-1": "running"}
    until(lambda: ask(host, url) == ["first:"], 60)
    assert ask(host, url, "one") == ["first: one"]
    seed("compose-down")
    assert (seed.names("net"), seed.names("vol")) == ([], ["seed_rows"])
    seed.up()
    until(lambda: ask(host, url) == ["first: one"], 60)

    watching = subprocess.Popen(
        host.argv(str(host.run.bin / "compose-watch")), cwd=seed.directory, env=host.run.env, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["action"] == "sync"  # what is there, at the beginning
        before = seed.all()
        (seed.directory / "static" / "about.txt").write_text("changed")
        assert json.loads(watching.stdout.readline())["action"] == "sync"
        until(lambda: ask(host, f"{url}static/about.txt") == ["changed"])
        (seed.directory / "app.py").write_text((seed.directory / "app.py").read_text().replace("first", "second"))
        assert json.loads(watching.stdout.readline())["action"] == "rebuild"
    finally:
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=60)
    until(lambda: ask(host, url) == ["second: one"], 60)
    after = seed.all()
    assert [name for name in before if before[name]["id"] != after[name]["id"]] == ["seed-web-1"]

    seed("compose-down", "-v")
    assert seed.left() == []
    seed.up(env={"PORT": "8001"})
    until(lambda: ask(host, "http://127.0.0.1:8001/") == ["second:"], 60)
    seed("compose-down", "-v")


def test_a_shop(host: Host, tmp_path: Path) -> None:
    """A proxy with a config and a secret before three web services, a worker behind them, a queue and a database that
    are waited for until they are healthy, and a job that must have been done before."""
    shop = project(host, tmp_path, "shop")
    users = {"USERS": "me:{PLAIN}hush"}
    found = shop.up("--wait", env=users)
    found = {name.removeprefix("shop-"): one for name, one in found.items()}
    assert {name: (one["status"], one.get("health"), one.get("exitCode")) for name, one in found.items()} == {
        "db-1": ("running", "healthy", None), "migrate-1": ("stopped", None, 0), "proxy-1": ("running", None, None),
        "redis-1": ("running", "healthy", None), "worker-1": ("running", None, None),
        **{f"web-{number}": ("running", "healthy", None) for number in (1, 2, 3)},
    }  # fmt: skip
    began = {name: one["annotations"]["org.ocipipe.started"] for name, one in found.items()}
    assert began["db-1"] < began["migrate-1"] < min(began["web-1"], began["worker-1"]) < began["proxy-1"]

    url, me = "http://127.0.0.1:8000", "bWU6aHVzaA=="
    assert ask(host, f"{url}/") == ["HTTP Error 401: Unauthorized"]
    answers = ask(host, f"{url}/", user=me, times=9)  # of all, by one name
    assert {answer.split()[0] for answer in answers} == {"merged"}
    assert len({answer.split()[1] for answer in answers}) == 3
    assert len(shop("compose-exec", "worker", "python", "-c", _ADDRESSES, env=users).out.split()) == 3
    assert ask(host, f"{url}/work", "7", user=me) == ["queued"]
    until(lambda: ask(host, f"{url}/done", user=me) == ["7:49"], 60)

    assert shop("compose-run", "--rm", "report", env=users).out == b"1 done\n"  # of a profile that nobody asked for
    (_, limit) = shop("compose-exec", "redis", "redis-cli", "config", "get", "maxmemory", env=users).out.split()
    assert limit == b"64000000"  # of the file beside the one that is included
    shop("compose-scale", "web=1", env=users)
    assert len(shop("compose-exec", "worker", "python", "-c", _ADDRESSES, env=users).out.split()) == 1
    plan = shop("compose-plan", "--scale", "web=1", env={"USERS": "me:{PLAIN}other"}).documents
    assert [one["object"]["name"] for one in plan if one["action"] != "start"] == ["shop-proxy-1"]
    shop("compose-down", "-v", env=users)
    assert shop.left() == []


_ADDRESSES = "import socket; print(*socket.gethostbyname_ex('web')[2])"
