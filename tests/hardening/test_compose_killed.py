"""kill -9 at every change of compose-up and compose-down: the next compose-up comes to what is wanted, and nothing else
is there then; the next compose-down leaves nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import layout
import leaks
import pytest
from killing import Kills
from lives import cgroups
from nethosts import running, until
from projects import Project
from tracing import CHANGES, PROCESSES

MOMENTS = CHANGES | PROCESSES
SHOP = """
x-service: &service {image: busybox, command: sleep 1000, stop_signal: SIGKILL, networks: [back]}
services:
  web:
    <<: *service
    depends_on: {db: {condition: service_healthy, restart: true}}
    environment: {A: "${A}"}
    ports: ["8080:80"]
    volumes: [/cache, /other]
    post_start: [{command: [touch, /begun]}]
    configs: [settings]
    secrets: [token]
  db:
    <<: *service
    healthcheck: {test: "true", interval: 1h, start_interval: 20ms, start_period: 1h}
    volumes: ["files:/files"]
networks: {back: }
volumes: {files: }
configs: {settings: {content: "as it is\\n"}}
secrets: {token: {environment: TOKEN}}
"""
NAMES = ["shop-db-1", "shop-web-1"]


class Shop:
    """The project as it is brought up, and all that there is of it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.write(SHOP)
        self.env = {"TOKEN": "hush", "A": "1"}
        self.root = Path(project.host.run.env["OCIPIPE_ROOT"])
        self.run_root = project.host.run_root
        self.ids: set[str] = set()
        project.host.run("ctr-run", "--rm", "busybox", "true")  # the image is unpacked from here on
        self.before = project.host.interfaces, project.host.rules

    def argv(self, *argv: str) -> list[str]:
        """A command as it is run from anywhere."""
        name, *options = argv
        program, file = str(self.project.host.run.bin / name), str(self.project.directory / "compose.yaml")
        return self.project.host.argv(program, "-f", file, *options)

    def up(self) -> dict[str, dict[str, Any]]:
        found = self.project.up(env=self.env)
        self.ids |= {one["id"] for one in found.values()}
        return found

    def is_up(self) -> None:
        """Brings it up again: everything that is wanted is there, and nothing more."""
        found = self.up()
        assert [(name, one["status"]) for name, one in found.items()] == [(name, "running") for name in NAMES]
        containers = self.root / "containers"
        ids = {one["id"] for one in found.values()}
        names = {name: os.path.basename(os.readlink(containers / "names" / name))
                 for name in os.listdir(containers / "names")}  # fmt: skip
        assert {name: one["id"] for name, one in found.items()}.items() <= names.items()
        assert set(names.values()) == ids  # of a rename, the former name may be left until the container goes
        assert set(os.listdir(containers)) - {"names", "rm"} == ids
        assert os.listdir(containers / "rm") == []
        assert set(os.listdir(self.run_root / "containers")) == ids
        assert self.project.names("net") == ["shop_back"]
        assert len(self.project.names("vol")) == 3  # files, and two without a name
        assert self.project("compose-plan", env=self.env).out == b""
        script = "ls /begun; cat /settings /run/secrets/token; echo $A"
        assert self.inside(script) == f"/begun\nas it is\nhush{self.env['A']}\n"

    def inside(self, script: str) -> str:
        """What a script says in web."""
        return self.project("compose-exec", "web", "sh", "-c", script, env=self.env).out.decode()

    def is_down(self) -> None:
        """Takes it down again: nothing is left."""
        self.ids |= {one for one in os.listdir(self.root / "containers") if len(one) == 64}
        self.project("compose-down", "-v", env=self.env)
        assert leaks.of_containers(self.root / "containers") == []
        assert set(os.listdir(self.root / "networks")) <= {"ocipipe.conflist"}
        assert [str(path) for base in (self.root, self.run_root) for path in base.glob("compose/*")] == []
        assert [str(path) for path in self.run_root.glob("*/*") if path.parent.name != "networks"] == []
        assert os.listdir(self.root / "volumes") == []
        assert [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(self.root) in line] == []
        assert [place for one in self.ids for place in cgroups(one)] == []
        until(lambda: [pid for one in self.ids for pid in running(one)] == [])  # a monitor's last call finds nothing
        assert (self.project.host.interfaces, self.project.host.rules) == self.before


@pytest.fixture
def shop(project: Project) -> Iterator[Shop]:
    made = Shop(project)
    yield made
    assert layout.errors(project.host.run, made.root) == []


@pytest.fixture
def killed(kills: Kills, shop: Shop) -> Kills:
    return Kills({**shop.project.host.run.env, **shop.env}, every=kills.every)


def test_up(killed: Kills, shop: Shop) -> None:
    def command(number: int) -> list[str]:
        return shop.argv("compose-up", "-d")

    def after(number: int) -> None:
        if number % 2:  # half the time nobody has looked after it
            shop.is_up()
        shop.is_down()

    assert killed(command, after, calls=MOMENTS) > 2


def test_up_that_makes_anew(killed: Kills, shop: Shop) -> None:
    """What is in the volumes stays, those of no name included."""

    def command(number: int) -> list[str]:
        shop.env["A"] = "1"
        shop.up()
        shop.inside(f"echo {number} >/cache/kept")
        shop.env["A"] = killed.env["A"]
        return shop.argv("compose-up", "-d")

    def after(number: int) -> None:
        shop.is_up()
        assert shop.inside("cat /cache/kept") == f"{number}\n"
        shop.is_down()

    killed.env = {**killed.env, "A": "2"}
    assert killed(command, after, calls=MOMENTS) > 2


def test_down(killed: Kills, shop: Shop) -> None:
    def command(number: int) -> list[str]:
        shop.up()
        return shop.argv("compose-down", "-v")

    def after(number: int) -> None:
        if number % 2:
            shop.is_up()
        shop.is_down()

    assert killed(command, after, calls=MOMENTS, least=0.4) > 1
