"""What an application of many services costs, beside podman-compose on podman and docker-compose on dockerd. A part of
bench.py.

The services end at once when they are told to; each tool makes the network of the project and publishes nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from contenders import Contender, Docker, Ours, Podman, call
from nethosts import Place

Job = tuple[str, Callable[[], None], list[str], dict[str, str]]
Alternate = Callable[[list[Job]], dict[str, float]]

FEW, MANY = 5, 30
LINES = 500
_SERVICE = """
  s{number}:
    image: {image}
    command: sleep 1000
    stop_signal: SIGKILL
    ulimits:
      nofile: 1024
      nproc: 1024
"""
_LONG_SERVICE = """
  s{number}:
    image: {image}
    command: ["sleep", "${{SECONDS_TO_SLEEP:-1000}}"]
    environment:
      NAME: s{number}
      LEVEL: ${{LEVEL:-info}}
    ports:
      - "{port}:80"
    volumes:
      - data:/data
    depends_on:
      - s0
    healthcheck:
      test: ["CMD", "true"]
      interval: 30s
    labels:
      - bench.number={number}
    networks:
      - inner
"""
"""19 lines, with what most files have in them."""


class Applications:
    """The same compose files for each contender, on its host (`places`, by name); the image is there."""

    def __init__(
        self, contenders: list[Contender], image: str, directory: Path, alternate: Alternate, places: dict[str, Place]
    ) -> None:
        self._contenders = contenders
        self._image = image
        self._directory = directory
        self._alternate = alternate
        self._places = places
        self._podman = directory / "podman-as-benched"

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """What was done, and the seconds that it took each."""
        for count in (FEW, MANY):
            text = "services:" + "".join(_SERVICE.format(number=number, image=self._image) for number in range(count))
            place = self._place(f"bench{count}", text)
            yield f"compose-up -d, {count} services", self._measured(place, self._down, "up", "-d")
            for one in self._contenders:
                self._up(one, place)
            yield f"the same, with nothing to do, {count} services", self._measured(place, _nothing, "up", "-d")
            yield f"compose-down, {count} services", self._measured(place, self._up, "down")
            for one in self._contenders:
                self._down(one, place)
        text = "services:" + _SERVICE.format(number=0, image=self._image).rstrip() + "\n    networks: [inner]\n"
        number = 0
        while text.count("\n") < LINES:
            number += 1
            text += _LONG_SERVICE.format(number=number, image=self._image, port=20000 + number)
        text += "volumes:\n  data: {}\nnetworks:\n  inner: {}\n"
        place = self._place("bench-config", text)
        yield f"compose-config, {LINES} lines", self._measured(place, _nothing, "config")

    def close(self) -> None:
        for one in self._contenders:
            for count in (FEW, MANY):
                file = self._directory / f"bench{count}" / "compose.yaml"
                if file.exists():
                    call(self._argv(one, file, "down"), one.env)

    def _place(self, name: str, text: str) -> Path:
        file = self._directory / name / "compose.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        return file

    def _measured(
        self, file: Path, prepare: Callable[[Contender, Path], None], verb: str, *options: str
    ) -> dict[str, float]:
        def job(one: Contender) -> Job:
            return one.name, lambda: prepare(one, file), self._argv(one, file, verb, *options), one.env

        found = self._alternate([job(one) for one in self._contenders])
        return {name if name == Ours.name else f"{name}-compose": seconds for name, seconds in found.items()}

    def _argv(self, one: Contender, file: Path, verb: str, *options: str) -> list[str]:
        host = self._places[one.name]
        if isinstance(one, Ours):
            return host.argv(*one.command(f"compose-{verb}", "-f", str(file), *options))
        if isinstance(one, Docker):
            address = f"unix://{one.directory}/socket"
            return host.argv("docker-compose", "-H", address, "-f", str(file), verb, *options)
        assert isinstance(one, Podman)
        if not self._podman.exists():  # podman-compose gives podman's commands no options that stand before the verb
            self._podman.write_text(f'#!/bin/sh\nexec {" ".join(one.command())} "$@"\n')
            self._podman.chmod(0o755)
        program = os.path.join(os.path.dirname(sys.executable), "podman-compose")
        return host.argv(program, "--podman-path", str(self._podman), "-f", str(file), verb, *options)

    def _up(self, one: Contender, file: Path) -> None:
        call(self._argv(one, file, "up", "-d"), one.env)

    def _down(self, one: Contender, file: Path) -> None:
        argv = self._argv(one, file, "down")
        if subprocess.run(argv, env=one.env, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode:
            call(argv, one.env)  # dockerd may not have let go of all that is on the network the first time


def _nothing(one: Contender, file: Path) -> None:
    pass
