"""What a command line wants of a build, in values."""

from __future__ import annotations

import datetime
import random

import pytest
from failures import failure

from ocipipe.build import wishes
from ocipipe.errors import UsageError


def test_the_time_of_a_base() -> None:
    """As Python's own calendar has it, for any moment and zone."""
    source = random.Random(6)
    for _ in range(2000):
        zone = datetime.timezone(datetime.timedelta(minutes=source.choice((0, 0, 60, -210, 345, -720, 840))))
        moment = datetime.datetime.fromtimestamp(source.randrange(0, 2**33), zone)
        text = moment.isoformat()
        fraction = source.choice(("", ".5", ".123456789"))
        text = text[:19] + fraction + text[19:]
        assert wishes.created(text.replace("+00:00", source.choice(("Z", "+00:00", "z")))) == int(moment.timestamp())


@pytest.mark.parametrize(
    "text", ["", "0001-01-01T00:00:00Z", "yesterday", "2024-01-01", "2024-01-01T00:00:00", "1969-12-31T23:59:59Z"]
)
def test_no_time_of_a_base(text: str) -> None:
    assert wishes.created(text) == 0


def test_pairs() -> None:
    assert wishes.pairs(["a=b", "c=", "d=e=f"], "--annotation") == {"a": "b", "c": "", "d": "e=f"}
    assert wishes.pairs(["A", "B", "C=1"], "--build-arg", {"A": "x"}) == {"A": "x", "C": "1"}
    for text in ("a", "=b", ""):
        assert "is not NAME=VALUE" in failure(lambda text=text: wishes.pairs([text], "--annotation"), UsageError)
