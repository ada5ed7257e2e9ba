"""When a container is started again: policy, back-off, and what ends it. Pure."""

from __future__ import annotations

from oci_spec import quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 60.0
"""The first wait; each further one is twice the one before, up to the longest (docker's)."""
LASTING_SECONDS = 10.0
"""Who ran for so long is taken to have been well: the waits begin anew."""


def decide(record: Document) -> float | None:
    """Seconds to wait before a container that has just ended is started again, from its record after the end; None
    when it is not.

    `restartDelay` in the record is what was waited before; `restartCount` how often it was started again.
    """
    policy: Document = record.get("restartPolicy") or {"name": "no", "maximum": 0}  # type: ignore[assignment]
    name, maximum = policy["name"], int(policy["maximum"])  # type: ignore[call-overload]
    failed = record["exitCode"] != 0  # an end that nobody knows is none that went well
    wanted = name in ("always", "unless-stopped") or (name == "on-failure" and failed)
    spent = name == "on-failure" and maximum and int(record.get("restartCount") or 0) >= maximum  # type: ignore[call-overload]
    if not wanted or spent or record.get("stoppedByUser"):
        return None
    before = float(record.get("restartDelay") or 0)  # type: ignore[arg-type]
    if not before or lasted(record) >= LASTING_SECONDS:
        return FIRST_SECONDS
    return min(2 * before, LONGEST_SECONDS)


def lasted(record: Document) -> float:
    """How many seconds a container ran that has ended."""
    started, finished = record.get("started"), record.get("finished")
    if not isinstance(started, str) or not isinstance(finished, str):
        return 0.0
    return quantity.moment(finished) - quantity.moment(started)
