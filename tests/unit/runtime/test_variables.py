"""runtime/variables: environment and labels, from options and from files."""

from __future__ import annotations

import pytest

from ocipipe.errors import UsageError
from ocipipe.runtime import variables


def test_environment_by_who_speaks_last() -> None:
    found = variables.environment(
        ["A=image", "B=image", "C"],
        [("one", "B=file\nHOST\nGONE\n# D=x\n\n  E=x\nF=a b #c\n"), ("two", "E=two")],
        ["B=option", "HOST2", "GONE2", "A="],
        {"HOST": "1", "HOST2": "2"},
    )
    assert found == ["A=", "B=option", "C=", "HOST=1", "E=two", "F=a b #c", "HOST2=2"]


def test_environment_files_of_other_systems() -> None:
    assert variables.environment([], [("f", "\ufeffA=1\r\nB=x\x0cy\u2028z\r\n")], [], {}) == ["A=1", "B=x\x0cy\u2028z"]


@pytest.mark.parametrize(("text", "line"), [("A=1\nB C=2", 2), ("=x", 1), ("A=1\n\nB\tC", 3), ("A=1\nB=\0", 2)])
def test_environment_files_that_are_none(text: str, line: int) -> None:
    with pytest.raises(UsageError, match=f"^name:{line}: "):
        variables.environment([], [("name", text)], [], {})


def test_labels_by_who_speaks_last() -> None:
    found = variables.labels([("one", "a=1\n# b=2\nc\n"), ("two", "a=2\nd=e=f")], ["d=g", "e"])
    assert found == {"a": "2", "c": "", "d": "g", "e": ""}
    with pytest.raises(UsageError, match="name:2: 'no key' is no label's key"):
        variables.labels([("name", "a\nno key=x")], [])
