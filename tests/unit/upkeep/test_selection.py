"""upkeep/selection: durations and filters as people write them."""

from __future__ import annotations

import pytest

from ocipipe.errors import UsageError
from ocipipe.upkeep.selection import Selection, duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("7d", 604800),
        ("2w", 1209600),
        ("45", 45),
        ("1.5h", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text, "--older-than") == seconds


@pytest.mark.parametrize("text", ["", "m", "1.5", "1x", "-1s", "1 h", "1.2.3h", ".", ".s", "1h30", "١s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="is no duration"):
        duration(text, "--older-than")


LABELS = {"team": "a", "keep": ""}
NAMES = ["docker.io/library/debian:bookworm"]


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ([], True),
        (["label=team"], True), (["label=team=a"], True), (["label=team=b"], False), (["label=none"], False),
        (["label=keep="], True), (["label!=keep"], False), (["label!=none"], True), (["label!=team=b"], True),
        (["label!=team=a"], False), (["name=*debian:*"], True), (["name=debian"], False),
        (["name=*", "label=none"], False), (["label=team=a=b"], False),
    ],
)  # fmt: skip
def test_filters(filters: list[str], fits: bool) -> None:
    assert Selection(filters=filters).fits(NAMES, LABELS) is fits


@pytest.mark.parametrize("text", ["label", "label=", "until=1h", "=x", "", "Label=x"])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(UsageError, match="is no filter"):
        Selection(filters=[text])
