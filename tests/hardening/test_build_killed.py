"""kill -9 at every change that img-build makes: the next build succeeds, goes on with what was done, and is alone."""

from __future__ import annotations

from pathlib import Path

import layout
from boxes import Box
from builds import Builds
from commands import Commands
from killing import Kills
from tracing import CHANGES, PROCESSES

DOCKERFILE = """FROM busybox AS made
RUN --mount=type=cache,target=/c --mount=type=secret,id=s echo made > /made; rm /etc/group
FROM busybox
WORKDIR /new
COPY d /d
COPY --from=made /made /
RUN --mount=type=bind,target=/ctx cp /ctx/d/one /copied
"""


def test_the_next_build_does_it(kills: Kills, builds: Builds, run: Commands, tmp_path: Path) -> None:
    """Of one store, in which each kill finds what those before it have left; half the time all is done anew."""
    wanted = builds(DOCKERFILE, {"d/one": "1", "d/two": "2"})
    argv = [run.bin / "img-build", "-q", "--network", "none", "-t", "app", "--secret", "id=s,env=PATH"]

    def command(number: int) -> list[str | Path]:
        if number % 2:
            run("store-prune", "--build-cache", "--older-than", "0s")
        cache = ["--cache-to", f"type=local,dest={tmp_path / str(number)},mode=max"]
        return [*argv, "--save-stages", "--sbom", *cache, builds.context]

    def after(number: int) -> None:
        assert layout.problems(builds.root) == []
        assert layout.errors(run, builds.root) == []
        assert builds(DOCKERFILE)["digest"] == wanted["digest"]
        assert not [line for line in Box(run, builds.root).left() if "/layers/" not in line], number

    kills(command, after, calls=CHANGES | PROCESSES, least=0.5)  # what is cached changes less
    run("store-prune", "--older-than", "0s")
