"""The peers with storages of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from peers import Docker, Podman, dockerd


@pytest.fixture
def podman() -> Iterator[Podman]:
    # podman refuses a run directory with a path of more than 50 characters
    with tempfile.TemporaryDirectory(prefix="podman-") as directory:
        found = Podman(Path(directory))
        yield found
        found("system", "reset", "--force")


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    with tempfile.TemporaryDirectory(prefix="docker-") as directory:
        place = Path(directory) / "d"
        with dockerd(place):
            yield Docker(place)
