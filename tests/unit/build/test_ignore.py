"""build/ignore: .dockerignore, and what a walk must look into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocipipe.build.ignore import Ignore, Spot, parse
from ocipipe.build.instruction import DockerfileError


@pytest.mark.parametrize(
    ("text", "ignored", "kept"),
    [
        ("", [], ["a"]),
        ("a", ["a", "a/b", "a/b/c"], ["b", "ab", "b/a"]),
        ("/a/", ["a", "a/b"], ["b/a"]),
        ("./a/../b", ["b", "b/c"], ["a"]),
        ("a/b", ["a/b", "a/b/c"], ["a", "a/c", "b"]),
        ("*.md", ["x.md", ".md"], ["a/x.md", "x.mda"]),
        ("*/*.md", ["a/x.md"], ["x.md", "a/b/x.md"]),
        ("**/*.md", ["x.md", "a/x.md", "a/b/x.md"], ["x.mdx"]),
        ("**", ["a", "a/b", ".x"], []),
        ("*", ["a", "a/b"], []),
        ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
        ("a/**/c", ["a/c", "a/b/c", "a/b/b/c", "a/c/d"], ["a/b", "c"]),
        ("**/a", ["a", "b/a", "b/c/a/d"], ["ba", "b/ca"]),
        ("a?c", ["abc", "abc/x"], ["ac", "a/c"]),
        ("a[bc]d", ["abd", "acd"], ["aad", "ad"]),
        ("a[^bc]d", ["aad"], ["abd"]),
        ("a[b-d]", ["ab", "ac", "ad"], ["ae"]),
        ("a\\*", ["a*"], ["ab"]),
        ("a.c", ["a.c"], ["abc"]),
        ("a+(b)|c", ["a+(b)|c"], ["aab", "c"]),
        ("a b", ["a b"], ["a", "b"]),
        ("  a  ", ["a"], []),
        ("# a\n #b", ["#b"], ["a", "# a", "b"]),
        ("\ufeff# a\nb", ["b"], ["a"]),
        ("\ufeffa", ["a"], []),
        ("a\r\nb\r\n", ["a", "b"], ["c"]),
        ("*\n!a", ["b", "b/a"], ["a", "a/b"]),
        ("!a\n*", ["a", "b"], []),
        ("*.md\n!README.md\nREADME*", ["README.md", "x.md"], ["a"]),
        ("*.md\n!READ*.md", ["x.md"], ["README.md"]),
        ("a\n!a/b", ["a", "a/c"], ["a/b", "a/b/c"]),
        ("a\n!a/b\na/b/c", ["a/c", "a/b/c", "a/b/c/d"], ["a/b", "a/b/d"]),
        ("a\n!**/keep", ["a/b"], ["a/keep", "a/b/keep"]),
        ("! a", [], ["a"]),
        ("*\n! a", ["b"], ["a"]),
        ("..", [], ["a"]),
        ("../a", [], ["a"]),
        (".", [], ["a"]),
        ("/", [], ["a"]),
        (".git\n**/__pycache__\n", [".git", ".git/HEAD", "a/__pycache__", "a/__pycache__/b"], [".gitignore", "a"]),
    ],
)
def test_ignored(text: str, ignored: list[str], kept: list[str]) -> None:
    found = parse(text.encode())
    assert {path: found.ignores(path) for path in [*ignored, *kept]} == {
        **dict.fromkeys(ignored, True), **dict.fromkeys(kept, False),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "entered", "passed"),
    [
        ("a", [], ["a", "a/b"]),
        ("a\n!a/b", ["a", "a/b"], ["a/c"]),
        ("a\n!b", [], ["a"]),
        ("*\n!a/b/c", ["a", "a/b"], ["b", "a/c"]),
        ("a\n!**/keep", ["a", "a/b"], []),
        ("a\n!*/b*/c", ["a", "a/bb"], ["a/c"]),
        ("node_modules\n!src/**", [], ["node_modules"]),
    ],
)
def test_what_a_walk_enters(text: str, entered: list[str], passed: list[str]) -> None:
    found = parse(text.encode())
    for path in [*entered, *passed]:
        assert _spot(found, path).entered == (path in entered), path


def _spot(ignore: Ignore, path: str) -> Spot:
    spot = ignore.root
    for name in path.split("/"):
        spot = spot.below(name)
    return spot


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a\n!", ".dockerignore:2: a ! says nothing alone"),
        ("[a", "a [ in it is never closed"),
        ("[z-a]", "[z-a] is no pattern"),
        ("a\n\nb\\", ".dockerignore:3: b\\ is no pattern: it ends with a backslash"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text.encode())
    assert problem in str(caught.value)


_NAMES = st.text("ab", min_size=1, max_size=2)
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)
_PATTERNS = st.lists(st.sampled_from(["a", "b", "aa", "*", "**", "a*", "?"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(st.tuples(st.booleans(), _PATTERNS), max_size=5), _PATHS)
def test_a_walk_finds_all_that_is_kept(patterns: list[tuple[bool, str]], path: str) -> None:
    """Whatever is kept lies in directories that are entered; and the last pattern that matches a path or one above it
    decides, as said."""
    texts = [("!" if back else "") + pattern for back, pattern in patterns]
    ignore = Ignore.of(texts)
    names = path.split("/")
    above = ["/".join(names[: n + 1]) for n in range(len(names))]
    expected = False
    for pattern in ignore.patterns:
        if any(pattern.matches(one) for one in above):
            expected = not pattern.wanted
    assert ignore.ignores(path) == expected
    if not expected:
        assert all(_spot(ignore, one).entered for one in above[:-1])


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data).ignores("a/b")
    except DockerfileError:
        pass
