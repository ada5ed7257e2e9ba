"""Wildcards of COPY's sources, one part of a path at a time (Go's filepath.Match)."""

from __future__ import annotations

import os

import pytest

from ocipipe.build import patterns


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        (b"*", b"a", True), (b"*", b".hidden", True), (b"*.py", b"a.py", True), (b"*.py", b"a.pyc", False),
        (b"?", b"a", True), (b"?", b"ab", False), (b"a?c", b"abc", True), (b"[a-c]x", b"bx", True),
        (b"[^a-c]x", b"bx", False), (b"[^a-c]x", b"zx", True), (b"[]a]x", b"]x", True), (b"\\*", b"*", True),
        (b"\\*", b"a", False), (b"[\\]]", b"]", True), (b"a.c", b"abc", False), (b"\xff*", b"\xff\n", True),
        (b"[a-]", b"-", True), (b"**", b"ab", True), (b"?", "ü".encode(), True), (b"[!a]", b"!", True),
    ],
)  # fmt: skip
def test_fits(pattern: bytes, name: bytes, fits: bool) -> None:
    found = patterns.compiled(os.fsdecode(pattern), deep=False)
    assert bool(found(os.fsdecode(name))) is fits


@pytest.mark.parametrize("pattern", ["[", "[a", "a\\", "[z-a]", "[]"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"it|range|closed"):
        patterns.compiled(pattern, deep=False)


def test_what_is_a_pattern() -> None:
    assert [patterns.is_pattern(one) for one in ("a", "a*", "?", "[x]", "\\x")] == [False, True, True, True, True]
