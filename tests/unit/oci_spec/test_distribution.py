"""What registries say and are asked (PITFALLS 13 to 15)."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec import digest, distribution, reference, validate
from oci_spec.digest import Digest
from oci_spec.jsondoc import FormatError

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
SHA = digest.parse("sha256:" + "a" * 64)
LONG = digest.parse("sha512:" + "b" * 128)


def test_paths() -> None:
    assert distribution.PING == "/v2/"
    assert distribution.manifest_path("library/debian", "bookworm") == "/v2/library/debian/manifests/bookworm"
    assert distribution.manifest_path("a", SHA) == f"/v2/a/manifests/{SHA}"
    assert distribution.blob_path("a/b", SHA) == f"/v2/a/b/blobs/{SHA}"
    assert distribution.uploads_path("a") == "/v2/a/blobs/uploads/"
    assert distribution.tags_path("a") == "/v2/a/tags/list"
    assert distribution.referrers_path("a", SHA) == f"/v2/a/referrers/{SHA}"


@pytest.mark.parametrize(
    ("of", "tag"),
    [
        (SHA, "sha256-" + "a" * 64),
        (LONG, "sha512-" + "b" * 64),
        (Digest("test+algorithm+using+algorithm+separators+and+lots+of+characters+to+excercise+overall+truncation:"
                "alsoSome=InTheEncodedSectionToShowHyphenReplacementAndLotsAndLotsOfCharactersToExcerciseEncodedTruncation"),
         "test-algorithm-using-algorithm-s-alsoSome-InTheEncodedSectionToShowHyphenReplacementAndLotsAndLot"),
    ],
)  # fmt: skip
def test_referrers_tag(of: Digest, tag: str) -> None:
    assert distribution.referrers_tag(of) == tag
    assert reference.parse(f"a:{tag}").tag == tag


def test_errors() -> None:
    body = (GOLDEN / "error.json").read_bytes()
    found = distribution.parse_errors(body)
    assert found == [
        ("NAME_UNKNOWN", "repository name not known to registry", {"name": "x"}),
        ("DENIED", "", None),
    ]
    again = distribution.error_body(found)
    assert distribution.parse_errors(again) == found
    assert validate.violations("error", json.loads(again)) == []
    assert json.loads(distribution.error_body([])) == {"errors": []}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", []),
        (b"<html>502 Bad Gateway</html>", []),
        (b"\x00\xff", []),
        (b"null", []),
        (b"[]", []),
        (b'{"error":"x"}', []),
        (b'{"errors":null}', []),
        (b'{"errors":"x"}', []),
        (b'{"errors":[]}', []),
        (b'{"errors":["x",{},null]}', [("UNKNOWN", "", None)]),
        (b'{"errors":[{"code":7,"message":null,"detail":[1]}]}', [("7", "", [1])]),
    ],
)
def test_error_bodies_of_all_sorts(body: bytes, found: list[object]) -> None:
    assert distribution.parse_errors(body) == found


@given(st.binary(max_size=60))
def test_an_error_body_never_makes_it_worse(body: bytes) -> None:
    assert isinstance(distribution.parse_errors(body), list)


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="Registry Realm"', [("basic", {"realm": "Registry Realm"})]),
        ("BASIC Realm=plain", [("basic", {"realm": "plain"})]),
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
            [("bearer", {"realm": "https://auth.docker.io/token", "service": "registry.docker.io",
                         "scope": "repository:a/b:pull,push"})],
        ),
        (
            'Bearer realm="https://x/?a=b&c=d" , error="insufficient_scope", Basic realm="y"',
            [("bearer", {"realm": "https://x/?a=b&c=d", "error": "insufficient_scope"}), ("basic", {"realm": "y"})],
        ),
        ('Basic realm="a \\"b\\" \\\\c, d"', [("basic", {"realm": 'a "b" \\c, d'})]),
        ('Basic realm = "x" ,, charset = "UTF-8" ,', [("basic", {"realm": "x", "charset": "UTF-8"})]),
        ("Negotiate, NTLM", [("negotiate", {}), ("ntlm", {})]),
        ('Negotiate YII+/w==, Basic realm="x"', [("negotiate", {"": "YII+/w=="}), ("basic", {"realm": "x"})]),
        ("Bearer realm=", [("bearer", {"": "realm="})]),
        ('Bearer realm=""', [("bearer", {"realm": ""})]),
    ],
)  # fmt: skip
def test_challenges(header: str, challenges: list[tuple[str, dict[str, str]]]) -> None:
    assert [(one.scheme, one.params) for one in distribution.parse_challenges(header)] == challenges


@pytest.mark.parametrize(
    "header", ['"x"', 'Bearer realm="unterminated', "Bearer realm=,x=", "(comment)", 'Basic realm="x" "y"']
)
def test_bad_challenges(header: str) -> None:
    with pytest.raises(FormatError, match="WWW-Authenticate: cannot be read from"):
        distribution.parse_challenges(header)


@given(st.text(alphabet='Bb e="\\,; \t\n/+', max_size=40) | st.text(max_size=40))
def test_any_header_is_read_or_refused(header: str) -> None:
    for parse in (distribution.parse_challenges, distribution.parse_link_next, distribution.parse_range):
        with contextlib.suppress(FormatError):
            parse(header)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("0-1023", (0, 1023)),
        ("0-0", (0, 0)),
        ("0--1", (0, -1)),
        (" 10-20 ", (10, 20)),
        ("bytes=0-99", (0, 99)),
        ("bytes 5-9/100", (5, 9)),
        ("bytes 5-9/*", (5, 9)),
    ],
)
def test_ranges(header: str, found: tuple[int, int]) -> None:
    assert distribution.parse_range(header) == found


@pytest.mark.parametrize(
    "header", ["", "5", "-5", "5-", "9-5", "a-b", "0-1, 3-4", "bytes */100", "0-" + "9" * 30, "٣-٤"]
)
def test_bad_ranges(header: str) -> None:
    with pytest.raises(FormatError, match="Range: "):
        distribution.parse_range(header)


@given(st.integers(0, 2**40), st.integers(1, 2**40))
def test_a_chunks_range(first: int, count: int) -> None:
    header = distribution.content_range(first, count)
    assert "bytes" not in header
    assert distribution.parse_range(header) == (first, first + count - 1)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        ('</v2/a/tags/list?n=2&last=b>; rel="next"', "/v2/a/tags/list?n=2&last=b"),
        ("<https://x/v2/a/tags/list?last=b,c;d>;rel=next", "https://x/v2/a/tags/list?last=b,c;d"),
        ('<a>; REL="prev", <b>; title="x, <y>; rel=next" ; rel="last NEXT"', "b"),
        ('<a>; rel="nextish"', None),
        ("<a>", None),
        ("<a>; rel", None),
        ("<>; rel=next", ""),
    ],
)
def test_links(header: str, target: str | None) -> None:
    assert distribution.parse_link_next(header) == target


@pytest.mark.parametrize("header", ["garbage", "<a", "<a>; rel=next garbage <b>", "<a>;;"])
def test_bad_links(header: str) -> None:
    if header.startswith("<a>; rel=next"):
        assert distribution.parse_link_next(header) == "a", "what was found is found"
        return
    with pytest.raises(FormatError, match="Link: cannot be read from"):
        distribution.parse_link_next(header)
