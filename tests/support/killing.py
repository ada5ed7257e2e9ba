"""kill -9 at every change of a file: what a command leaves behind must do no harm, and the next one goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import tracing

SAMPLE = 4


class Kills:
    """`kills(command, after)` runs a command once to its end, to count the changes that it makes, and then again and
    again, killed at one after another.

    `command(number)` prepares a place for a run (0 for the first) and gives its arguments; `after(number)` looks at
    what that run has left, and does the same again. With `every`, no change is left out; else those where the command
    begins or ends to do one thing, and some between, up to `limit`, always the same for the same command.
    """

    def __init__(self, env: Mapping[str, str], *, every: bool, limit: int = SAMPLE) -> None:
        self.env = env
        self.every = every
        self.limit = limit

    def __call__(
        self,
        command: Callable[[int], Sequence[str | Path]],
        after: Callable[[int], None],
        *,
        calls: Collection[str] = tracing.CHANGES,
        input: bytes = b"",
        least: float = 0.7,
    ) -> int:
        """The number of changes at which it was killed. A command that fails by itself fails the test; one that shares
        its work with another process may do less of it at times, but not under the part `least`."""
        names: list[str] = []
        self._run(command(0), 0, names, calls, input)
        after(0)
        numbers = range(1, len(names) + 1) if self.every else sample(names, self.limit)
        tried = 0
        for number in numbers:
            there: list[str] = []
            killed = self._run(command(number), number, there, calls, input)
            tried += killed
            print(f"point {number}: {there[-1] if killed else 'none so far'}")  # shown when what follows fails
            after(number)
        kinds = ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))
        print(f"killed at {tried} of {len(names)} changes ({kinds})")
        assert tried >= len(numbers) * least, "this command makes other changes each time"
        return tried

    def _run(
        self, argv: Sequence[str | Path], number: int, names: list[str], calls: Collection[str], input: bytes
    ) -> bool:
        """Runs it, killed at its change of this number (0: none); whether that came."""

        def watch(stop: tracing.Stop) -> bool:
            if stop.result is None:
                names.append(stop.name)
            return stop.result is None and len(names) == number

        done = tracing.run(argv, self.env, watch, calls=calls, input=input)
        assert done.status in (0, -signal.SIGKILL), (number, done.status, done.err)
        assert (done.status != 0) == (0 < number <= len(names)), (number, done.status, names)
        return done.status != 0


def sample(names: Sequence[str], limit: int) -> list[int]:
    """Up to `limit` of the numbers 1 … len(names): the first and last of each name, and others evenly between."""
    ends = {names.index(name) + 1 for name in names} | {len(names) - names[::-1].index(name) for name in names}
    chosen = sorted(ends)[:: max(1, -(-len(ends) // limit))]
    others = [number for number in range(1, len(names) + 1) if number not in ends]
    room = limit - len(chosen)
    if room > 0 and others:
        chosen += others[:: -(-len(others) // room)]
    return sorted(chosen)
