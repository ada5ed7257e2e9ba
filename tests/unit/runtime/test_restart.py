"""runtime/restart: who is started again, when, how often, and who comes back after a reboot (pitfall 29)."""

from __future__ import annotations

from typing import Any

import pytest

from ocipipe.runtime import restart


def record(policy: str = "always", **fields: Any) -> dict[str, Any]:
    """Of a container that has just ended, by itself and at once."""
    name, _, maximum = policy.partition(":")
    moment = "2026-01-01T00:00:00.000000000Z"
    return {
        "restartPolicy": {"name": name, "maximum": int(maximum or 0)}, "status": "stopped", "exitCode": 1,
        "started": moment, "finished": moment, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "code", "wanted"),
    [
        ("no", 0, False), ("no", 1, False), ("no", None, False),
        ("on-failure", 0, False), ("on-failure", 1, True), ("on-failure", 255, True),
        ("on-failure", None, True),  # nobody knows that it went well
        ("always", 0, True), ("always", 1, True), ("always", None, True),
        ("unless-stopped", 0, True), ("unless-stopped", 1, True), ("unless-stopped", None, True),
    ],
)  # fmt: skip
def test_who_is_started_again(policy: str, code: int | None, wanted: bool) -> None:
    assert restart.is_wanted(record(policy, exitCode=code)) is wanted
    assert (restart.decide(record(policy, exitCode=code)) is not None) is wanted
    for why in restart.UNSTOPPED:
        assert restart.decide(record(policy, exitCode=code, **{why: True})) is None


def test_a_record_without_a_policy() -> None:
    assert restart.decide({"exitCode": 1}) is None
    assert restart.comes_back({"exitCode": 1, "status": "running"}) is False


def test_the_waits_double_up_to_a_minute() -> None:
    waits, before = [], 0.0
    for _ in range(13):
        found = restart.decide(record(restartDelay=before))
        assert found is not None
        before = found
        waits.append(round(before, 3))
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60, 60]


@pytest.mark.parametrize(
    ("finished", "wait"),
    [("2026-01-01T00:00:09.999Z", 60.0), ("2026-01-01T00:00:10.000Z", 0.1), ("2026-01-02T00:00:00Z", 0.1)],
)
def test_who_ran_for_ten_seconds_begins_anew(finished: str, wait: float) -> None:
    assert restart.decide(record(restartDelay=51.2, finished=finished)) == wait


@pytest.mark.parametrize("before", [0.0, 0.1, 51.2])
@pytest.mark.parametrize("finished", ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"])
def test_a_delay_of_its_own_is_waited_every_time(before: float, finished: str) -> None:
    policy = {"name": "always", "maximum": 0, "delay": 2.5}
    assert restart.decide(record(restartPolicy=policy, restartDelay=before, finished=finished)) == 2.5


@pytest.mark.parametrize(
    ("finished", "wait", "count"),
    [("2026-01-01T00:00:02.999Z", 6.4, 2), ("2026-01-01T00:00:03Z", 0.1, 0), ("2026-01-01T00:00:11Z", 0.1, 0)],
)
def test_who_ran_for_its_window_begins_anew(finished: str, wait: float, count: int) -> None:
    ended = {"restartDelay": 3.2, "restartCount": 2, "finished": finished}
    found = record(restartPolicy={"name": "on-failure", "maximum": 3, "window": 3}, **ended)
    assert (restart.decide(found), restart.count(found)) == (wait, count)
    found["restartPolicy"]["maximum"] = 2
    assert restart.decide(found) == (None if count else wait)


def test_without_a_window_the_count_goes_on() -> None:
    found = record("on-failure:3", restartCount=3, finished="2026-01-02T00:00:00Z")
    assert (restart.decide(found), restart.count(found)) == (None, 3)


@pytest.mark.parametrize(("finished", "lasted"), [("2026-01-01T00:01:01.5Z", 61.5), (None, 0.0)])
def test_lasted(finished: str | None, lasted: float) -> None:
    assert restart.lasted(record(finished=finished)) == lasted


@pytest.mark.parametrize(
    ("policy", "count", "again"),
    [
        ("on-failure:3", 0, True), ("on-failure:3", 2, True), ("on-failure:3", 3, False), ("on-failure:3", 4, False),
        ("on-failure", 10**6, True), ("always", 10**6, True),
    ],
)  # fmt: skip
def test_how_often(policy: str, count: int, again: bool) -> None:
    assert (restart.decide(record(policy, restartCount=count)) is not None) is again


@pytest.mark.parametrize(
    ("policy", "fields", "back"),
    [
        ("always", {}, True),
        ("always", {"exitCode": 0}, True),
        ("always", {"stoppedByUser": True}, True),
        ("always", {"status": "created"}, False),
        ("unless-stopped", {}, True),
        ("unless-stopped", {"status": "running"}, True),
        ("unless-stopped", {"stoppedByUser": True}, False),
        ("unless-stopped", {"status": "created"}, False),
        ("on-failure", {"status": "running"}, True),
        ("on-failure:2", {"status": "running", "restartCount": 1}, True),
        ("on-failure:2", {"status": "running", "restartCount": 2}, False),
        ("on-failure", {"status": "running", "stoppedByUser": True}, False),
        ("on-failure", {}, False),
        ("always", {"stoppedByShutdown": True}, True),
        ("unless-stopped", {"stoppedByShutdown": True}, True),
        ("unless-stopped", {"stoppedByShutdown": True, "stoppedByUser": True}, False),
        ("on-failure", {"stoppedByShutdown": True, "exitCode": 0}, True),
        ("on-failure:2", {"stoppedByShutdown": True, "restartCount": 2}, False),
        ("on-failure", {"stoppedByShutdown": True, "stoppedByUser": True}, False),
        ("no", {"stoppedByShutdown": True}, False),
        ("no", {"status": "running"}, False),
    ],
)
def test_who_comes_back_after_a_reboot(policy: str, fields: dict[str, Any], back: bool) -> None:
    assert restart.comes_back(record(policy, **fields)) is back
