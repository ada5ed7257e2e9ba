"""compose-kube: documents on stdout, warnings on stderr, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_world import Outcome, run
from composing import written

from ocipipe.cmd import compose_kube

FILE = """
name: shop
services:
  web: {build: ., image: registry.local/web, ports: ["8000:8000"], volumes: ["./src:/src"]}
  db: {image: registry.local/db, volumes: ["data:/data"]}
volumes: {data: }
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"compose.yaml": FILE})


def kube(*argv: str) -> Outcome:
    return run(compose_kube, *argv, env={"HOME": "/home/me"})


def test_a_document_a_line_and_a_warning_for_what_is_lost() -> None:
    done = kube()
    assert done.status == 0
    kinds = [one["kind"] for one in done.documents]
    assert kinds == ["Service", "Service", "Deployment", "StatefulSet"]
    assert [json.loads(line) for line in done.out.splitlines()] == done.documents
    told = done.err.decode()
    for key in ("4: services.web.build", "4: services.web.volumes[0]", "4: services.web.ports[0]"):
        assert f"compose.yaml:{key}: " in told
    assert kube().out == done.out


def test_its_options() -> None:
    done = kube("--ingress", "shop.example.org", "--volume-size", "5g", "-q")
    assert done.out.decode().split() == ["web", "db", "web", "db", "shop"]
    (claim,) = kube("--volume-size=5g", "db").documents[-1]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "5Gi"


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["--ingress", "no host"], 2, "'no host' is no name of a host"),
        (["--ingress", "shop.example.org", "db"], 1, "no service publishes a port of HTTP"),
        (["--volume-size", "0"], 2, "0 is no size of a volume"),
        (["nobody"], 1, "no such service"),
        (["-f", "none.yaml"], 1, "none.yaml"),
    ],
)
def test_what_it_refuses(argv: list[str], status: int, said: str) -> None:
    done = kube(*argv)
    assert (done.status, done.out) == (status, b"")
    assert said in done.err.decode()
