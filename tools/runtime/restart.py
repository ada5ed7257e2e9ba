"""When a container is started again: policy, back-off, and what ends it. Pure."""

from __future__ import annotations

from oci_spec import quantity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 60.0
"""The first wait; each further one is twice the one before, up to the longest (docker's)."""
LASTING_SECONDS = 10.0
"""Who ran for so long is taken to have been well: the waits begin anew. A policy's own window stands for it, and with
that the count of restarts begins anew, too."""

UNSTOPPED: Document = {"stoppedByUser": False, "stoppedByShutdown": False}
"""What the record says of one that somebody has started."""


def decide(record: Document) -> float | None:
    """Seconds to wait before a container that has just ended is started again, from its record after the end; None
    when it is not.

    `restartDelay` in the record is what was waited before. A policy with a delay of its own waits that long every time.
    """
    if not is_wanted(record) or _is_spent(record):
        return None
    policy = _policy(record)
    if policy.get("delay"):
        return float(policy["delay"])  # type: ignore[arg-type]
    before = float(record.get("restartDelay") or 0)  # type: ignore[arg-type]
    if not before or lasted(record) >= float(policy.get("window") or LASTING_SECONDS):  # type: ignore[arg-type]
        return FIRST_SECONDS
    return min(2 * before, LONGEST_SECONDS)


def count(record: Document) -> int:
    """How often a container that has just ended was started again, as its policy counts: since somebody has started
    it, and since it last ran for the policy's window, where it has one (compose-spec, deploy.md, restart_policy)."""
    window = float(_policy(record).get("window") or 0)  # type: ignore[arg-type]
    restarts: int = int(record.get("restartCount") or 0)  # type: ignore[call-overload]
    return 0 if window and lasted(record) >= window else restarts


def is_wanted(record: Document) -> bool:
    """Whether its policy wants a container that has ended to run, and nobody has stopped it."""
    if record.get("stoppedByUser") or record.get("stoppedByShutdown"):
        return False
    name = _policy(record)["name"]
    failed = record["exitCode"] != 0  # an end that nobody knows is none that went well
    return name in ("always", "unless-stopped") or (name == "on-failure" and failed)


def comes_back(record: Document) -> bool:
    """Whether a container that does not run is to be started after a reboot: with `always` in any case, with
    `unless-stopped` unless somebody had stopped it, with `on-failure` when it was the reboot that ended it."""
    name = _policy(record)["name"]
    cut_off = record["status"] == "running" or record.get("stoppedByShutdown")
    return record["status"] != "created" and bool(
        name == "always"
        or (name == "unless-stopped" and not record.get("stoppedByUser"))
        or (name == "on-failure" and cut_off and not record.get("stoppedByUser") and not _is_spent(record))
    )


def _policy(record: Document) -> Document:
    return record.get("restartPolicy") or {"name": "no", "maximum": 0}  # type: ignore[return-value]


def _is_spent(record: Document) -> bool:
    """Whether it was started again as often as it may."""
    policy = _policy(record)
    maximum = int(policy["maximum"])  # type: ignore[call-overload]
    return policy["name"] == "on-failure" and 0 < maximum <= count(record)


def lasted(record: Document) -> float:
    """How many seconds a container ran that has ended."""
    started, finished = record.get("started"), record.get("finished")
    if not isinstance(started, str) or not isinstance(finished, str):
        return 0.0
    return quantity.moment(finished) - quantity.moment(started)
