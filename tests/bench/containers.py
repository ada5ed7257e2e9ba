"""What a container's life costs, beside podman's and docker's. A part of bench.py.

None of these containers has a network: what that costs, and `run -d` with it, is in networks.py.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from contenders import Contender, Ours, Podman, call
from peers import LIMITS

Job = tuple[str, Callable[[], None], list[str], dict[str, str]]
Alternate = Callable[[list[Job]], dict[str, float]]

FEW, MANY = 3, 300
NAME = "bench-life"
_ENDS_AT_ONCE = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.01; done"]


class Lives:
    """One container of each contender, taken through its life; the image is there."""

    def __init__(self, contenders: list[Contender], image: str, alternate: Alternate) -> None:
        self._contenders = contenders
        self._image = image
        self._alternate = alternate

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """What was done, and the seconds that it took each."""
        yield "run -d, no network", self._measured(self._gone, lambda one: self._run(one, "sleep", "1000"))
        yield "start what was made, no network", self._measured(self._made, lambda one: self._verb(one, "start"))
        yield "stop what ends at once, no network", self._measured(self._running, self._stop)
        for one in self._contenders:
            self._running(one)
        yield "exec `true`", self._measured(_nothing, self._exec)
        for one in self._contenders:
            self._gone(one)
        for count, before in ((FEW, 0), (MANY, FEW)):
            for one in self._contenders:
                for number in range(before, count):
                    call(self._create(one, f"bench-many-{number}"), one.env)
            yield f"list {count} containers", self._measured(_nothing, self._list)

    def memory(self) -> dict[str, int]:
        """Bytes (proportional set size) of the processes that stay for one detached container, its own left out.

        All are there at the same time: what they share of their programs and libraries counts for each alike.
        """
        keepers = {}
        for one in self._contenders:
            self._gone(one)
            done = subprocess.run(
                self._run(one, "sleep", "1000"), env=one.env, stdin=subprocess.DEVNULL, capture_output=True, check=True
            )
            keepers[one.name] = _keepers(done.stdout, one)
        found = {name: sum(map(_proportional, directories)) for name, directories in keepers.items()}
        for one in self._contenders:
            self._gone(one)
        return found

    def _measured(
        self, prepare: Callable[[Contender], None], argv: Callable[[Contender], list[str]]
    ) -> dict[str, float]:
        def job(one: Contender) -> Job:
            return one.name, lambda: prepare(one), argv(one), one.env

        return self._alternate([job(one) for one in self._contenders])

    def _run(self, one: Contender, *command: str) -> list[str]:
        return _verb(one, "run", "-d", *_limits(one), "--network", "none", "--name", NAME, self._image, *command)

    def _create(self, one: Contender, name: str) -> list[str]:
        return _verb(one, "create", *_limits(one), "--network", "none", "--name", name, self._image, "true")

    def _verb(self, one: Contender, verb: str) -> list[str]:
        return _verb(one, verb, NAME)

    def _stop(self, one: Contender) -> list[str]:
        return _verb(one, "stop", "-t", "10", NAME)

    def _exec(self, one: Contender) -> list[str]:
        return _verb(one, "exec", NAME, "true")

    def _list(self, one: Contender) -> list[str]:
        return _verb(one, "ps", "-a")

    def _gone(self, one: Contender) -> None:
        subprocess.run(
            _verb(one, "rm", "-f", NAME), env=one.env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )

    def _made(self, one: Contender) -> None:
        self._gone(one)
        create = _verb(one, "create", *_limits(one), "--network", "none", "--name", NAME, self._image, "sleep", "1000")
        call(create, one.env)

    def _running(self, one: Contender) -> None:
        self._gone(one)
        call(self._run(one, *_ENDS_AT_ONCE), one.env)


def _verb(one: Contender, verb: str, *args: str) -> list[str]:
    if isinstance(one, Ours):
        return one.command(f"ctr-{verb}", *args)
    return one.command(verb, *args)  # type: ignore[attr-defined]


def _limits(one: Contender) -> list[str]:
    """What podman must be told where it may not raise limits."""
    return list(LIMITS) if isinstance(one, Podman) else []


def _nothing(one: Contender) -> None:
    pass


def _keepers(out: bytes, one: Contender) -> list[Path]:
    """The directories in /proc of the processes that name the container."""
    import json

    text = out.decode().strip()
    container_id = json.loads(text)["id"] if isinstance(one, Ours) else text
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if container_id in directory.joinpath("cmdline").read_text(errors="replace"):
                found.append(directory)
        except OSError:
            continue
    return found


def _proportional(directory: Path) -> int:
    for line in directory.joinpath("smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
