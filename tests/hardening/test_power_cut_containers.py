"""The power is cut while a container is made and run: it is whole or garbage, and its name is free once it is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import layout
import pytest
from commands import Commands
from cuts import Cuts
from images import Layer, image
from outages import Outage
from tars import Tar

from ocipipe.host import mounts

BUSYBOX = Path("/bin/busybox")
SMALL = image([Layer(Tar().file("true", BUSYBOX.read_bytes(), mode=0o755).bytes())])
NAME = "localhost/small:1"


class ContainerCuts(Cuts):
    """What is seen are the containers that are no garbage: their name, status and exit status."""

    def seen(self, root: Path) -> frozenset[str]:
        found = set()
        for place in root.glob(f"containers/{'?' * 64}/record.json"):
            record = json.loads(place.read_bytes())
            if not (root / "containers" / "rm" / record["id"]).is_symlink():
                found.add(f"{record['name']} {record['status']} {record['exitCode']}")
        return frozenset(found)

    def again(self, root: Path, argv: Sequence[str], outage: Outage, after: frozenset[str]) -> None:
        assert layout.errors(self.run, root) == [], outage
        told = self.run("ctr-ps", "--root", root, "-a").documents
        assert {one["status"] for one in told} <= {"created", "stopped"}, outage
        if told and "--rm" not in argv:  # else the next command takes it away
            self.run("ctr-rm", "--root", root, "same")
        self.run(argv[0], "--root", root, *argv[1:])
        assert self.seen(root) == after, outage
        for one in self.run("ctr-ps", "--root", root, "-aq").out.split():
            self.run("ctr-rm", "--root", root, one.decode())
        self.run("store-prune", "--root", root, "--older-than=0s")
        assert self.run("store-check", "--root", root, "--deep", status=None).documents == [], outage


@pytest.fixture
def cuts(run: Commands, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ContainerCuts]:
    made = ContainerCuts(run, tmp_path, request.config.getoption("--every-point"))
    SMALL.into_store(made.root, NAME)
    run("ctr-run", "--root", made.root, "--rm", NAME, "/true")
    yield made
    mounts.unmount_under(str(tmp_path))


def test_create(cuts: ContainerCuts) -> None:
    there = frozenset(["same created None"])
    cuts(["ctr-create", "--name", "same", NAME, "/true"], {frozenset(), there}, there)


def test_run(cuts: ContainerCuts) -> None:
    cuts(["ctr-run", "--rm", "--name", "same", NAME, "/true"], {frozenset()}, frozenset())


def test_run_and_keep(cuts: ContainerCuts) -> None:
    argv = ["ctr-run", "--log-driver", "passthrough", "--name", "same", NAME, "/true"]
    there = frozenset(["same stopped 0"])
    cuts(argv, {frozenset(), there}, there)
