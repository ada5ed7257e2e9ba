"""oci_spec/patterns: each test by code says what the schema's pattern says, whatever the text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_spec.patterns import KNOWN

SCHEMAS = Path(__file__).parents[3] / "oci_spec" / "schema"
EXAMPLES = (
    "", "sha256:" + "a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha512:" + "0" * 128, "sha256:", "a:b",
    "sha256+b64u:_-=", "a++b:c", "-a:b", "a-:b", "a:b:c", "a:b\n", "2024-02-30T25:61:61Z", "2024-02-03t01:02:03z",
    "2024-02-03T01:02:03.Z", "2024-02-03T01:02:03.123+01:00", "2024-02-03T01:02:03+0100", "2024-02-03 01:02:03Z",
    "२०२४-02-03T01:02:03Z", "2024-02-03T01:02:03.१Z", "f" * 64, "f" * 64 + "\n",
    "application/vnd.oci.image.index.v1+json",
    "a/b/c", "/b", "a/", ".a/b", "a/" + "b" * 127, "a/" + "b" * 128, "é/b", "text/plain\n",
    "web_1.a-b", ".web", "-web", "web\n", "SIG", "SIGTERM", "SIGRTMIN+3", "SIGé", "15", "1٣",
    "0", "00", "01", "255", "256", "1000", "10.0.0.1/24", "fe80::1/64", "/24", "::1/", "::1/1234", "::1/1/2", "g::/1",
    "1.0.2", "01.0.2", "1.0", "1.0.2-", "1.0.2-rc.1+a-b", "1.0.2+", "1.0.2+a+b", "1.0.2-é", "1.0.2+a-b", "1.0.٣",
)  # fmt: skip


def texts(pattern: str) -> st.SearchStrategy[str]:
    """Texts that match, texts that nearly do, and any."""
    matching = st.from_regex(pattern.removesuffix("$") + r"\Z")
    damaged = st.builds(
        lambda text, at, more: text[: at % (len(text) + 1)] + more + text[at % (len(text) + 1) :],
        matching, st.integers(0, 200), st.text("aZ0:/.-+_=\né٣", max_size=2),
    )  # fmt: skip
    return matching | damaged | st.text("abzAZ059:/.-+_=TtZz\né٣", max_size=30)


@pytest.mark.parametrize("pattern", KNOWN)
def test_each_is_its_pattern(pattern: str) -> None:
    by_re = re.compile(pattern.removesuffix("$") + r"\Z").search

    @settings(max_examples=75, deadline=None)
    @given(texts(pattern))
    def same(text: str) -> None:
        assert KNOWN[pattern](text) == bool(by_re(text))

    same()
    for text in EXAMPLES:
        assert KNOWN[pattern](text) == bool(by_re(text)), text


def test_each_stands_in_a_schema() -> None:
    """A pattern that was changed in its schema leaves no dead code here."""
    used = {json.dumps(pattern, ensure_ascii=False) for pattern in KNOWN}
    schemas = "".join(path.read_text() for path in SCHEMAS.glob("*.json"))
    assert [pattern for pattern in used if pattern not in schemas] == []
