"""Builds, beside podman's and docker's (BuildKit). A part of bench.py."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from contenders import Contender

Job = tuple[str, Callable[[], None], list[str], dict[str, str]]
Alternate = Callable[[list[Job]], dict[str, float]]

BASE = "localhost/bench/base:1"
MANY = 10_000
STEPS = f"""FROM {BASE}
COPY first /first
RUN echo one > /one
RUN cat /one /first > /two
COPY last /last
CMD ["cat", "/two"]
"""
LARGE = f"FROM {BASE}\nCOPY tree /tree\n"
STAGES = "".join(
    f"FROM {BASE} AS s{number}\nRUN echo {number} > /made; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done\n"
    for number in range(4)
) + "FROM scratch\n" + "".join(f"COPY --from=s{number} /made /{number}\n" for number in range(4))  # fmt: skip


class Builds:
    """Each contender with the same contexts; `localhost/bench/base:1` is there, and no RUN has a network."""

    def __init__(self, contenders: list[Contender], directory: Path, alternate: Alternate) -> None:
        self._contenders = contenders
        self._directory = directory
        self._alternate = alternate
        self._numbers = itertools.count()

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """What was built, and the seconds that it took each."""
        small = self._context("small", STEPS, {"first": "first", "last": "last"})
        yield "build, 5 steps, no cache", self._measured(small, "--no-cache")
        yield "build, 5 steps, all cached", self._measured(small)
        yield "build, 5 steps, the last file changed", self._measured(small, changed="last")
        tree = {f"tree/{number // 100}/{number}": f"{number}\n" * 20 for number in range(MANY)}
        large = self._context("large", LARGE, tree)
        yield f"build, COPY of {MANY:,} files, one of them changed", self._measured(large, changed="tree/7/700")
        yield f"build, COPY of {MANY:,} files, all cached", self._measured(large)
        yield "build, four independent stages, no cache", self._measured(self._context("stages", STAGES), "--no-cache")

    def _context(self, name: str, dockerfile: str, files: dict[str, str] | None = None) -> dict[str, Path]:
        """One for each contender, by its name: what one reads is not in another's page cache."""
        found = {}
        for one in self._contenders:
            found[one.name] = place = self._directory / f"{name}-{one.name}"
            for path, text in {"Dockerfile": dockerfile, **(files or {})}.items():
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_text(text)
        return found

    def _measured(self, places: dict[str, Path], *options: str, changed: str = "") -> dict[str, float]:
        def job(one: Contender) -> Job:
            place = places[one.name]

            def prepare() -> None:
                if changed:
                    (place / changed).write_text(f"{next(self._numbers)}\n")

            return one.name, prepare, one.build(place, *options), one.env

        return self._alternate([job(one) for one in self._contenders])
