"""Docker Hub's way of naming things, against a mirror on loopback: `alpine` is docker.io/library/alpine:latest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Commands
from images import Image


@pytest.fixture
def hub(run: Commands, registry: Any, busybox_image: Image, tmp_path: Path) -> Commands:
    """Our commands on a machine whose docker.io is the loopback registry."""
    busybox_image.push(registry.address, "library/alpine", "latest", "3")
    busybox_image.push(registry.address, "user/tool", "v1")
    config = tmp_path / "registries.json"
    config.write_text(json.dumps({"registries": {"docker.io": {"mirrors": [registry.address]}}}))
    return run.on(OCIPIPE_REGISTRIES=str(config))


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("library/alpine", "docker.io/library/alpine:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/library/alpine:3", "docker.io/library/alpine:3"),
        ("user/tool:v1", "docker.io/user/tool:v1"),
    ],
)
def test_short_names(given: str, full: str, hub: Commands, busybox_image: Image) -> None:
    (pulled,) = hub("img-pull", given).documents
    assert pulled["digest"] == busybox_image.digest
    assert pulled["annotations"]["org.opencontainers.image.ref.name"] == full
    assert hub("img-ls", "-q", given).out == hub("img-ls", "-q", full).out != b""


def test_run_pulls_by_a_short_name(hub: Commands) -> None:
    assert hub("ctr-run", "--rm", "alpine", "echo", "ran").out == b"ran\n"


def test_a_digest_beside_the_tag_decides(hub: Commands, busybox_image: Image) -> None:
    (pulled,) = hub("img-pull", f"alpine:no-such-tag@{busybox_image.digest}").documents
    assert pulled["digest"] == busybox_image.digest


def test_what_the_hub_does_not_have(hub: Commands) -> None:
    done = hub("img-pull", "alpine:no-such-tag", status=1)
    (error,) = done.errors
    assert error["message"].startswith("docker.io/library/alpine:no-such-tag: ")
