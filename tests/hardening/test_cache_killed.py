"""kill -9 at every change that cache-export and cache-import make: a cache mount is as it was or as it will be."""

from __future__ import annotations

import json
from pathlib import Path

import layout
from builds import Builds
from commands import Commands
from killing import Kills
from layer_trees import snapshot

DOCKERFILE = """FROM busybox
RUN --mount=type=cache,id=kept,target=/c mkdir /c/d; for i in 1 2 3; do echo $i > /c/d/$i; done; chmod 4711 /c/d/1
"""


def test_export(kills: Kills, builds: Builds, run: Commands) -> None:
    builds(DOCKERFILE)
    (wanted,) = run("cache-export", "kept").documents

    def command(number: int) -> list[str | Path]:
        run("store-prune", "--older-than", "0s")
        return [run.bin / "cache-export", "-t", "kept", "kept"]

    def after(number: int) -> None:
        assert layout.problems(builds.root) == []
        assert layout.errors(run, builds.root) == []
        assert run("cache-export", "-t", "kept", "kept").documents[0]["digest"] == wanted["digest"]
        run("img-rm", "kept")

    kills(command, after)


def test_import(kills: Kills, builds: Builds, run: Commands) -> None:
    """Half the time into the place of other files."""
    builds(DOCKERFILE)
    artifact = json.dumps(run("cache-export", "-t", "kept", "kept").documents[0]).encode()
    (place,) = builds.root.glob("build/mounts/*")
    wanted = snapshot(place / "data")

    def command(number: int) -> list[str | Path]:
        if number % 2:
            run("store-prune", "--build-cache", "--older-than", "0s")
        else:
            (place / "data" / "other").touch()
        return [run.bin / "cache-import", "--replace", "kept"]

    def after(number: int) -> None:
        assert layout.errors(run, builds.root) == []
        if place.exists():
            found = snapshot(place / "data")
            assert found == wanted or b"other" in found
        run("cache-import", "--replace", "kept", input=artifact)
        assert snapshot(place / "data") == wanted

    kills(command, after, input=artifact)
    run("store-prune", "--build-cache", "--older-than", "0s")
