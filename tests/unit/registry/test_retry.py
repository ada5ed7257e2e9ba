"""When to try again (PITFALLS 16)."""

from __future__ import annotations

import pytest

from ocipipe.registry.retry import ATTEMPTS, Backoff, retry_after


def pauses(random: bytes, at_least: float = 0.0) -> list[float]:
    slept: list[float] = []
    backoff = Backoff(lambda count: random[:count], slept.append)
    for attempt in range(1, ATTEMPTS):
        backoff.pause(attempt, at_least)
    return slept


def test_pauses_double_and_half_of_each_is_chance() -> None:
    assert pauses(b"\xff\xff") == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
    assert pauses(b"\0\0") == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8])


def test_what_the_server_asks_for_is_the_least() -> None:
    assert pauses(b"\0\0", 1.0) == pytest.approx([1.0] * 5)
    assert pauses(b"\xff\xff", 30.0) == pytest.approx([31.0] * 5)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "-7"}, 0.0),
        ({"Retry-After": "soon"}, 0.0),
        ({"Retry-After": "٣"}, 0.0),
        ({"Retry-After": "9" * 5000}, 999999999.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:30 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 +99999999999999"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 -0000"}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers) == seconds
