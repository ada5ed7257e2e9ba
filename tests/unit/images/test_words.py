"""images/words: Dockerfile words, quoted and with variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.jsondoc import FormatError
from ocipipe.images import words

VARIABLES = {"A": "one", "B": "two words", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  a\t b  ", ["a", "b"]),
        ("a='x y' b=\"c d\" e\\ f", ["a='x y'", 'b="c d"', "e\\ f"]),
        ('"it\'s" \'say "x"\'', ['"it\'s"', "'say \"x\"'"]),
        ('"a\\"b" c', ['"a\\"b"', "c"]),
        ("'a\\' b", ["'a\\'", "b"]),
        ("''", ["''"]),
        ("a\\", ["a\\"]),
    ],
)
def test_split(text: str, found: list[str]) -> None:
    assert words.split(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", "plain"),
        ("'x y'\"z\"\\ w", "x yz w"),
        ("$A-${A}b", "one-oneb"),
        ("$AB", ""),
        ("'$A' \\$A \"\\$A\"", "$A $A $A"),
        ('"$B" "\\n" \\n', "two words \\n n"),
        ('"\\""', '"'),
        ("$ a$", "$ a$"),
        ("$5|$@|$$|$AÄ", "|||"),
        ("${A:-x} ${NONE:-x} ${EMPTY:-x} ${EMPTY-x} ${NONE-x}", "one x x  x"),
        ("${A:+x} ${NONE:+x} ${EMPTY:+x} ${EMPTY+x}", "x   x"),
        ("${A:?no} ${EMPTY?no}", "one "),
        ("${NONE:-${A}$B}", "onetwo words"),
        ('${NONE:-"a } b"}c', "a } bc"),
        ('"${NONE:-"x"}"', "x"),
        ("${NONE:-'$A'}", "$A"),
        ("${NONE:-\\}}", "}"),
    ],
)
def test_expand(text: str, found: str) -> None:
    assert words.expand(text, VARIABLES) == found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("'a", "a quote ' is not closed"),
        ('"a', 'a quote " is not closed'),
        ("${A", "a } is missing"),
        ("${", "a } is missing"),
        ("${A:-x", "a } is missing"),
        ("${}", "not followed by a name"),
        ("${A=x}", "${A=… is no modifier"),
        ("${A:#x}", "is no modifier"),
        ("${A/x}", "a / is missing"),
        ("${A/x/y", "a } is missing"),
        ("${A#\\x}", "escapes what needs no escape"),
        ("${A:-" * 101 + "}" * 101, "nested too deeply"),
        ("${NONE:?tell me}", "NONE: tell me"),
        ("${EMPTY:?}", "EMPTY: is empty"),
        ("${NONE?}", "NONE: is not set"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        words.expand(text, VARIABLES)
    assert problem in caught.value.problem


def test_an_open_quote_is_refused_when_words_are_split() -> None:
    with pytest.raises(FormatError, match="not closed"):
        words.split("a 'b c")


@given(st.text("ab'\"\\ ${}:-+?A", max_size=20))
def test_any_text_is_words_or_refused(text: str) -> None:
    try:
        for word in words.split(text):
            words.expand(word, VARIABLES)
    except FormatError:
        pass


@given(st.lists(st.text(max_size=6), max_size=4))
def test_quoted_words_come_back(plain: list[str]) -> None:
    quoted = ["'" + word.replace("'", "'\\''") + "'" for word in plain]
    assert [words.expand(word, {}) for word in words.split(" ".join(quoted))] == plain
