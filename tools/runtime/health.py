"""How a container is, by what its health check says: its state from one result to the next, as docker has it.

A container starts as `starting`. One success makes it `healthy`; so many failures in a row make it `unhealthy`, of
which those within the start period don't count as long as it never was healthy.

The check is the record's `health` (see policy), the state a document (schema health).
"""

from __future__ import annotations

import os

from oci_spec import jsondoc, quantity

from ..errors import NotFound
from ..host import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.container import Container

KEPT = 5
"""So many results are kept, the newest last."""
OUTPUT_BYTES = 4096
"""So much of what a check writes is kept, its beginning."""
STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"

_LIMIT = 1 << 20


def words(check: Document) -> list[str]:
    """The command of the check."""
    test: list[str] = check["test"]  # type: ignore[assignment]
    return ["/bin/sh", "-c", *test[1:]] if test[0] == "CMD-SHELL" else test[1:]


def fresh() -> Document:
    """The state of a container that has just started."""
    return {"status": STARTING, "failingStreak": 0, "log": []}


def result(start: str, end: str, code: int, output: bytes) -> Document:
    """One result: when it began and ended (RFC 3339), exit status (-1 for a check that had to be ended), output."""
    text = output[:OUTPUT_BYTES].decode("utf-8", "replace")
    return {"start": start, "end": end, "exitCode": code, "output": text}


def after(state: Document, found: Document, check: Document, started: str) -> Document:
    """The state after a result; `started` is when the container was."""
    before: Any = state
    status, streak = before["status"], before["failingStreak"]
    if found["exitCode"] == 0:
        status, streak = HEALTHY, 0
    elif status != STARTING or _age(str(found["start"]), started) >= float(check["startPeriod"]):  # type: ignore[arg-type]
        streak += 1
        if streak >= max(1, int(check["retries"])):  # type: ignore[call-overload]
            status = UNHEALTHY
    return {"status": status, "failingStreak": streak, "log": [*before["log"], found][-KEPT:]}


def pause(state: Document, check: Document, started: str, now: str) -> float:
    """Seconds until the next check: the start interval as long as it is starting in its start period."""
    early = state["status"] == STARTING and _age(now, started) < float(check["startPeriod"])  # type: ignore[arg-type]
    return float(check["startInterval" if early else "interval"])  # type: ignore[arg-type]


def _age(now: str, started: str) -> float:
    return quantity.moment(now) - quantity.moment(started)


def path(container: Container, run_root: str) -> str:
    """Where the state of a running container is."""
    return os.path.join(container.run_directory(run_root), "health.json")


def read(container: Container, run_root: str) -> Document | None:
    """The state of a container; None for one that is not checked or does not run."""
    try:
        place = path(container, run_root)
        return jsondoc.load_object(files.read_limited(place, _LIMIT), place)
    except NotFound:
        return None
