"""runtime/health: from starting to healthy and unhealthy, and when the next check is (pitfall 30)."""

from __future__ import annotations

from typing import Any

import pytest

from ocipipe.runtime import health

START = "2026-01-01T00:00:00.000000000Z"


def check(**fields: Any) -> dict[str, Any]:
    return {
        "test": ["CMD", "probe"], "interval": 30, "timeout": 30, "startPeriod": 0, "startInterval": 5, "retries": 3,
        **fields,
    }  # fmt: skip


def at(seconds: float) -> str:
    return f"2026-01-01T00:{int(seconds // 60):02d}:{seconds % 60:012.9f}Z"


def run(codes: str, rule: dict[str, Any], every: float = 1) -> list[str]:
    """The statuses after each result: . is a success, x a failure; one each so many seconds."""
    state = health.fresh()
    found = []
    for number, code in enumerate(codes, 1):
        result = health.result(at(number * every), at(number * every), 0 if code == "." else 1, b"")
        state = health.after(state, result, rule, START)
        found.append(f"{state['status']} {state['failingStreak']}")
    return found


def test_one_success_makes_it_healthy() -> None:
    assert run(".", check()) == ["healthy 0"]


def test_failures_in_a_row_make_it_unhealthy() -> None:
    assert run("xx.xxxx.", check()) == [
        "starting 1", "starting 2", "healthy 0", "healthy 1", "healthy 2", "unhealthy 3", "unhealthy 4", "healthy 0",
    ]  # fmt: skip
    assert run("x", check(retries=1)) == run("x", check(retries=0)) == ["unhealthy 1"]


def test_in_the_start_period_failures_do_not_count() -> None:
    assert run("xxxxx", check(startPeriod=4, retries=2)) == [
        "starting 0", "starting 0", "starting 0", "starting 1", "unhealthy 2",
    ]  # fmt: skip


def test_in_the_start_period_they_count_after_a_success() -> None:
    assert run("x.xx", check(startPeriod=60, retries=2)) == ["starting 0", "healthy 0", "healthy 1", "unhealthy 2"]


def test_the_last_five_are_kept() -> None:
    state = health.fresh()
    for number in range(7):
        state = health.after(state, health.result(at(number), at(number), number, b""), check(), START)
    log: Any = state["log"]
    assert [one["exitCode"] for one in log] == [2, 3, 4, 5, 6]


def test_a_result() -> None:
    assert health.result(START, at(1), 3, b"x\xff" * 5000) == {
        "start": START, "end": at(1), "exitCode": 3, "output": "x\ufffd" * 2048,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "seconds", "pause"),
    [("starting", 0, 5), ("starting", 59.9, 5), ("starting", 60, 30), ("healthy", 1, 30), ("unhealthy", 1, 30)],
)
def test_the_next_check(status: str, seconds: float, pause: float) -> None:
    state = {**health.fresh(), "status": status}
    assert health.pause(state, check(startPeriod=60), START, at(seconds)) == pause
    assert health.pause(state, check(), START, at(seconds)) == 30


@pytest.mark.parametrize(
    ("test", "words"),
    [(["CMD", "a", "b c"], ["a", "b c"]), (["CMD-SHELL", "a | b"], ["/bin/sh", "-c", "a | b"])],
)
def test_its_command(test: list[str], words: list[str]) -> None:
    assert health.words(check(test=test)) == words
