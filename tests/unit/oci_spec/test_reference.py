"""References (PITFALLS 11)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_spec import reference
from oci_spec.jsondoc import FormatError

SHA = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3.19", "docker.io/library/alpine:3.19"),
        ("user/app", "docker.io/user/app:latest"),
        ("docker.io/alpine", "docker.io/library/alpine:latest"),
        ("docker.io/library/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/alpine", "docker.io/library/alpine:latest"),
        ("index.docker.io/user/app:1", "docker.io/user/app:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("127.0.0.1:5000/debian:bookworm", "127.0.0.1:5000/debian:bookworm"),
        ("[::1]:5000/a/b", "[::1]:5000/a/b:latest"),
        ("quay.io/a/b/c/d", "quay.io/a/b/c/d:latest"),
        ("registry:80/a", "registry:80/a:latest"),
        ("UPPER/app", "UPPER/app:latest"),
        (f"alpine@{SHA}", f"docker.io/library/alpine@{SHA}"),
        (f"alpine:3@{SHA}", f"docker.io/library/alpine:3@{SHA}"),
        ("a/" + "b" * 64, "docker.io/a/" + "b" * 64 + ":latest"),
        ("a__b/c-d.e_f--g", "docker.io/a__b/c-d.e_f--g:latest"),
        ("a:" + "x" * 128, "docker.io/library/a:" + "x" * 128),
        ("a:_.-", "docker.io/library/a:_.-"),
    ],
)
def test_good(text: str, full: str) -> None:
    found = reference.parse(text)
    assert str(found) == full
    assert reference.parse(str(found)) == found
    assert reference.parse(found.familiar) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "needs a repository"),
        ("localhost:5000/", "needs a repository"),
        ("0" * 64, "64 hex digits are no name"),
        (f"{'0' * 64}@{SHA}", "64 hex digits are no name"),
        ("Alpine", "repositories are lower case"),
        ("quay.io/App", "repositories are lower case"),
        ("a:", "is no tag"),
        ("a:.x", "is no tag"),
        ("a:-x", "is no tag"),
        ("a:b:c", "is no tag"),
        ("a:" + "x" * 129, "is no tag"),
        ("a b", "is no repository name"),
        ("a//b", "is no repository name"),
        ("/a", "is no repository name"),
        ("a/", "is no repository name"),
        ("a___b", "is no repository name"),
        ("-a", "is no repository name"),
        ("a.", "is no repository name"),
        ("../etc/passwd", "no registry host"),
        ("a/../b", "is no repository name"),
        ("https://quay.io/a", "no registry host"),
        ("-x.y/a", "no registry host"),
        ("quay.io:port/a", "no registry host"),
        ("quay.io:123456/a", "no registry host"),
        ("quay.io:65536/a", "no registry host"),
        ("[::1]:0/a", "no registry host"),
        ("a\n", "is no repository name"),
        ("a:b\n", "is no tag"),
        ("ä/b", "is no repository name"),
        ("a@", "unsupported digest"),
        ("a@sha256:123", "malformed digest"),
        (f"a@{SHA}@{SHA}", "malformed digest"),
        (f"@{SHA}", "needs a repository"),
        ("quay.io/" + "a" * 250, "at most 255 characters"),
    ],
)
def test_bad(text: str, problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        reference.parse(text)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_digest_decides() -> None:
    assert reference.parse(f"a:1@{SHA}").target == SHA
    assert reference.parse("a:1").target == "1"
    assert reference.parse("a", default_tag=False).target == "latest"


def test_no_tag_is_added_where_none_is_wanted() -> None:
    found = reference.parse("a", default_tag=False)
    assert (found.tag, str(found)) == (None, "docker.io/library/a")
    assert reference.parse(f"a@{SHA}").tag is None


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/library/debian:bookworm", "debian:bookworm"),
        ("docker.io/user/app:1", "user/app:1"),
        ("quay.io/user/app:1", "quay.io/user/app:1"),
        ("docker.io/foo.bar/app:1", "docker.io/foo.bar/app:1"),
        ("docker.io/localhost/app:1", "docker.io/localhost/app:1"),
        ("docker.io/library/" + "0" * 64 + ":1", "docker.io/library/" + "0" * 64 + ":1"),
        ("docker.io/library/a/b:1", "library/a/b:1"),
    ],
)
def test_the_familiar_form_means_the_same(text: str, familiar: str) -> None:
    assert reference.parse(text).familiar == familiar
    assert reference.parse(familiar) == reference.parse(text)


PARTS = st.from_regex(r"[a-z0-9]{1,4}((\.|_|__|-)[a-z0-9]{1,3})?", fullmatch=True)
HOSTS = st.sampled_from(["docker.io", "index.docker.io", "localhost", "127.0.0.1:5000", "[::1]:5000", "quay.io", "UP"])


@given(HOSTS, st.lists(PARTS, min_size=1, max_size=3), st.none() | PARTS, st.none() | st.just(SHA))
def test_every_name_has_one_meaning(host: str, parts: list[str], tag: str | None, digest: str | None) -> None:
    text = f"{host}/{'/'.join(parts)}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"
    found = reference.parse(text)
    assert reference.parse(str(found)) == found
    assert reference.parse(found.familiar) == found
    assert (found.tag or "latest", found.digest) == (tag or "latest", digest)


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        found = reference.parse(text)
    except FormatError:
        return
    assert reference.parse(str(found)) == found
    assert ".." not in found.repository


COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
PORT = (
    r"6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}"
    r"|0{0,4}[1-9]|0{0,3}[1-9][0-9]|0{0,2}[1-9][0-9]{2}|0?[1-9][0-9]{3}"
)
GRAMMAR = {
    "localhost/{}:t": rf"{COMPONENT}(?:/{COMPONENT})*",
    "localhost/a:{}": r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}",
    "{}/a:t": rf"(?:{LABEL}(?:\.{LABEL})*\.?|\[[0-9a-fA-F:.]+\])(?::(?:{PORT}))?",
}


@pytest.mark.parametrize("place", GRAMMAR)
def test_the_grammar_in_regular_expressions(place: str) -> None:
    """Each part is taken or refused as its expression says, where it is seen as that part at all."""
    expression = re.compile(GRAMMAR[place])

    @settings(max_examples=50, deadline=None)
    @given(st.from_regex(expression, fullmatch=True) | st.text("azA0._-:[]/٣", max_size=12))
    def same(text: str) -> None:
        if place == "{}/a:t" and ("/" in text or not (set(".:[") & set(text) or text != text.lower())):
            return
        if place != "{}/a:t" and (":" in text or "@" in text or len(text) > 200):
            return
        if place == "localhost/{}:t" and not text:
            return
        try:
            reference.parse(place.format(text))
        except FormatError:
            assert not expression.fullmatch(text), text
        else:
            assert expression.fullmatch(text), text

    same()
