"""host/times: moments as people write them, and as documents have them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from ocipipe.host.times import moment, of_seconds, stamp

NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z
NOW = NEW_YEAR + 7200.25


@pytest.fixture
def east() -> Iterator[None]:
    """Two hours east of Greenwich, without summer time."""
    os.environ["TZ"] = "EAST-2"
    time.tzset()
    yield
    os.environ["TZ"] = "UTC"
    time.tzset()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (NEW_YEAR + 0.5, "2026-01-01T00:00:00.500000000Z"),
        (NEW_YEAR - 0.0000002, "2025-12-31T23:59:59.999999761Z"),
        (-0.25, "1969-12-31T23:59:59.750000000Z"),
    ],
)
def test_stamps(seconds: float, text: str) -> None:
    assert stamp(of_seconds(seconds)) == text
    assert moment(text, NOW) == of_seconds(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1767225600", NEW_YEAR),
        ("1767225600.250000000", NEW_YEAR + 0.25),
        ("0s", NOW),
        ("10m", NOW - 600),
        ("1h30m", NOW - 5400),
        ("500ms", NOW - 0.5),
        ("2026-01-01", NEW_YEAR),
        ("2026-01-01T00:00", NEW_YEAR),
        ("2026-01-01T00:01:00", NEW_YEAR + 60),
        ("2026-01-01t00:01:00.5z", NEW_YEAR + 60.5),
        ("2026-01-01T02:30:00+02:30", NEW_YEAR),
        ("2025-12-31T23:00-01:00", NEW_YEAR),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    assert moment(text, NOW) == int(seconds * 4) * 250_000_000


@pytest.mark.usefixtures("east")
def test_a_moment_without_a_zone_is_the_host_s() -> None:
    assert moment("2026-01-01T02:00:00", NOW) == moment("2026-01-01T00:00:00Z", NOW) == NEW_YEAR * 10**9
    assert moment("2026-01-01", NOW) == (NEW_YEAR - 7200) * 10**9
    assert stamp(NEW_YEAR * 10**9) == "2026-01-01T00:00:00.000000000Z"


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "-1", "1.", ".5", "1e3", "1_0", "١", "9" * 30, "m", "-10m", "2026-01-01Z", "2026-1-1", "2026-13-01",
        "2026-02-30", "2026-01-01T", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00+2:00", "2026-01-01T00:00:00+02:60",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00.5Z", "2026-01-01 00:00:00", "0000-01-01T00:00:00Z", "T00:00",
    ],
)  # fmt: skip
def test_what_is_no_moment(text: str) -> None:
    assert moment(text, NOW) is None
