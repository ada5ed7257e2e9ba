"""compose-config: the document, its lists, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_world import Outcome, Stream, run
from composing import written
from images import Image
from registry import DockerRegistry

from oci_spec import validate
from ocipipe.cmd import compose_config
from ocipipe.compose import names

FILE = """
name: shop
services:
  web:
    build: .
    command: serve --price '$$5' ${PORT:-80}
    depends_on: [db]
    environment: {TOKEN: }
  db:
    image: registry.local/db:${TAG:?which one}
    volumes: ['data:/data']
    profiles: [all]
  cache: {image: registry.local/cache, profiles: [more, all]}
volumes:
  data: {external: true, name: old-data}
  unused:
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"compose.yaml": FILE})
    return tmp_path


def config(*argv: str, env: dict[str, str] | None = None, **streams: Any) -> Outcome:
    return run(compose_config, *argv, env={"TAG": "5", "HOME": "/home/me", **(env or {})}, **streams)


def test_the_document(here: Path) -> None:
    done = config("--profile", "all")
    assert (done.status, done.err) == (0, b"")
    (model,) = done.documents
    assert validate.check("compose", model, "x") is model
    assert validate.detect(model) == "compose"
    assert model["services"]["web"] == {
        "build": {"context": str(here), "dockerfile": "Dockerfile"}, "command": ["serve", "--price", "$$5", "80"],
        "depends_on": {"db": {"condition": "service_started", "required": True}}, "environment": {"TOKEN": None},
        "networks": {"default": {}},
    }  # fmt: skip
    assert list(model["services"]) == ["web", "db", "cache"]
    assert model["volumes"] == {"data": {"external": True, "name": "old-data"}}


def test_it_reads_what_it_writes() -> None:
    first = config("--profile", "all")
    again = run(compose_config, "-f", "-", "--profile", "all", stdin=first.out)
    assert again.out == first.out
    hashes = [run(compose_config, "-f", "-", "--profile=*", "--hash", stdin=first.out), config("--profile=*", "--hash")]
    assert hashes[0].out == hashes[1].out


@pytest.mark.parametrize(
    ("argv", "documents"),
    [
        (["--services", "--profile", "all"], [{"kind": "service", "name": name} for name in ("db", "web", "cache")]),
        (["--services", "db"], [{"kind": "service", "name": "db"}]),
        (["--volumes", "db"], [{"kind": "volume", "name": "data", "object": "old-data", "external": True}]),
        (["--networks", "cache"], [{"kind": "network", "name": "default", "object": "shop_default"}]),
        (["--networks", "-p", "other", "cache"], [{"kind": "network", "name": "default", "object": "other_default"}]),
        (["--images", "web", "--profile", "*"], [{"kind": "image", "name": "registry.local/db:5", "services": ["db"]},
                                                 {"kind": "image", "name": "shop-web", "services": ["web"]}]),
        (["--profiles"], [{"kind": "profile", "name": "all", "services": ["db", "cache"]},
                          {"kind": "profile", "name": "more", "services": ["cache"]}]),
        (["--profiles", "db"], [{"kind": "profile", "name": "all", "services": ["db"]}]),
        (["--environment"], [{"kind": "variable", "name": "COMPOSE_PROJECT_NAME", "value": "shop"},
                             {"kind": "variable", "name": "HOME", "value": "/home/me"},
                             {"kind": "variable", "name": "TAG", "value": "5"}]),
    ],
)  # fmt: skip
def test_lists(argv: list[str], documents: list[Any]) -> None:
    done = config(*argv)
    assert (done.status, done.documents, done.err) == (0, documents, b"")
    for document in done.documents:
        assert validate.check("compose-item", document, "x") is document
    assert config(*argv, "-q").out.decode().split() == [document["name"] for document in documents]


def test_hashes() -> None:
    (one,) = config("--hash", "db").documents
    assert one["name"] == "db"
    assert len(one["hash"]) == 64
    assert config("--hash", "db", env={"TAG": "6"}).documents != [one]


def test_quiet_checks() -> None:
    assert (config("-q", "cache").out, config("-q", "cache").status) == (b"shop\n", 0)
    assert config("-q", env={"TAG": ""}).status == 1


def test_on_a_terminal() -> None:
    shown = config("--images", "web", "--profile", "all", stdout=Stream(terminal=True)).out.decode()
    assert "KIND" in shown
    assert "shop-web" in shown
    model = config("db", "--format", "table").out.decode()
    assert json.loads(model)["services"]["db"]["image"] == "registry.local/db:5"


def test_without_interpolation() -> None:
    (model,) = config("--no-interpolate", env={"TAG": ""}).documents
    assert model["services"]["db"]["image"] == "registry.local/db:${TAG:?which one}"
    assert model["services"]["web"]["command"] == "serve --price '$$5' ${PORT:-80}"
    assert list(model["volumes"]) == ["data", "unused"]


def test_warnings_are_told() -> None:
    done = run(compose_config, "-f", "-", stdin=b"services: {web: {image: i, labels: [x=$NONE]}}")
    assert done.status == 0
    assert json.loads(done.err) == {"warnings": [{"message": "-:1: the variable NONE is not set, and empty here"}]}


WHOLE = "--no-interpolate: prints the whole files (leave out lists, digests and services)"


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["--services", "--images"], 2, "--images: cannot be listed together with --services (ask for one list)"),
        (["--no-interpolate", "--hash"], 2, WHOLE), (["--no-interpolate", "web"], 2, WHOLE),
        (["nothing"], 1, "nothing: no such service (the file has web, db, cache)"),
        (["web"], 1, "compose.yaml:7: services.web.depends_on: db is in no active profile (--profile all)"),
        (["-f", "none.yaml"], 1, "none.yaml: no such file"),
        (["-p", "A"], 2, f"--project-name: 'A' is no project name ({names.RULE})"),
    ],
)  # fmt: skip
def test_refused(argv: list[str], status: int, message: str) -> None:
    done = config(*argv)
    assert (done.status, done.out) == (status, b"")
    assert [error["message"] for error in done.errors] == [message]


def test_digests_of_images(here: Path, registry: DockerRegistry, busybox_image: Image) -> None:
    busybox_image.push(registry.address, "tools/box", "1")
    pinned = f"{registry.address}/tools/box@sha256:{'1' * 64}"
    written(here, {"c.yaml": f"services: {{a: {{image: '{registry.address}/tools/box:1'}}, b: {{image: '{pinned}'}}}}"})
    done = run(compose_config, "-f", "c.yaml", "--resolve-image-digests", "--tls-verify=false", env={"HOME": str(here)})
    assert (done.status, done.err) == (0, b"")
    images = [service["image"] for service in done.documents[0]["services"].values()]
    assert images == [f"{registry.address}/tools/box:1@{busybox_image.digest}", pinned]
