"""images/lexer: every modifier, quotes and escapes, and what was met."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.jsondoc import FormatError
from ocipipe.images.lexer import Lexer

VARIABLES = {
    "A": "one", "FILE": "archive.tar.gz", "PATH": "/usr/local/bin", "EMPTY": "", "STAR": "a*b", "SPACES": " x  y ",
    "DOTS": "a.b.c", "LINES": "a\nb",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("${FILE#*.}", "tar.gz"),
        ("${FILE##*.}", "gz"),
        ("${FILE%.*}", "archive.tar"),
        ("${FILE%%.*}", "archive"),
        ("${FILE#archive}", ".tar.gz"),
        ("${FILE#tar}", "archive.tar.gz"),
        ("${FILE%.gz}", "archive.tar"),
        ("${FILE%tar}", "archive.tar.gz"),
        ("${FILE#a?c}", "hive.tar.gz"),
        ("${FILE%???}", "archive.tar"),
        ("${FILE#}", "archive.tar.gz"),
        ("${FILE##*}", ""),
        ("${FILE%%*}", ""),
        ("${FILE#*}", "archive.tar.gz"),
        ("${PATH##*/}", "bin"),
        ("${PATH%/*}", "/usr/local"),
        ("${PATH#/usr}", "/local/bin"),
        ("${STAR#a\\*}", "b"),
        ("${STAR%\\*b}", "a"),
        ("${DOTS#a.}", "b.c"),
        ("${DOTS#a?}", "b.c"),
        ("${DOTS#[a]}", "a.b.c"),
        ("${NONE#a}", ""),
        ("${EMPTY%a}", ""),
        ("${FILE%$NONE.gz}", "archive.tar"),
        ("${FILE%'.gz'}", "archive.tar"),
        ("${FILE/a/A}", "Archive.tar.gz"),
        ("${FILE//a/A}", "Archive.tAr.gz"),
        ("${FILE/x/A}", "archive.tar.gz"),
        ("${FILE/.*/}", "archive"),
        ("${FILE//./-}", "archive-tar-gz"),
        ("${FILE/ar*t/X}", "Xar.gz"),
        ("${PATH//\\//:}", ":usr:local:bin"),
        ("${FILE/a/${A}}", "onerchive.tar.gz"),
        ("${FILE/${NONE:-a}/x}", "xrchive.tar.gz"),
        ("${FILE/a/\\1}", "\\1rchive.tar.gz"),
        ("${FILE//a/$EMPTY}", "rchive.tr.gz"),
        ("${NONE/a/b}", ""),
        ("${NONE:-${ALSO:-${A}}}", "one"),
        ("${NONE-}", ""),
        ("${A:+${EMPTY:-x}}", "x"),
        ("${NONE:-a b}", "a b"),
        ("${NONE:-\\$A}", "$A"),
        ('"${NONE:-\'x\'}"', "x"),
        ("${A:?}", "one"),
        ("${EMPTY?}", ""),
        ("$A$A-${A}_", "oneone-one_"),
        ("$A.b", "one.b"),
        ("\\\\$A", "\\one"),
        ("a\\", "a"),
        ('"a\\b\\\\\\""', 'a\\b\\"'),
        ("'\\'", "\\"),
        ("$SPACES", " x  y "),
        ("$1a ${1} $?", "a  "),
        ("$-", ""),
    ],
)
def test_expanded(text: str, found: str) -> None:
    assert Lexer(VARIABLES).word(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`$A $A", "$A one"),
        ("c:\\dir\\$A", "c:\\dir\\one"),
        ('"`"" `a', '" a'),
        ('"`a"', "`a"),
    ],
)
def test_another_escape_character(text: str, found: str) -> None:
    assert Lexer(VARIABLES, "`").word(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("a  b", ["a", "b"]),
        ("'a  b' c", ["a  b", "c"]),
        ("a\\ b", ["a b"]),
        ("$SPACES", ["x", "y"]),
        ('"$SPACES"', [" x  y "]),
        ("p$SPACES.", ["p", "x", "y", "."]),
        ("${NONE:-a b} c", ["a", "b", "c"]),
        ("''", []),
    ],
)
def test_words_are_split_after_variables_are_replaced(text: str, found: list[str]) -> None:
    assert Lexer(VARIABLES).words(text) == found


def test_quotes_that_mean_nothing() -> None:
    assert Lexer(VARIABLES, quotes="plain").word("'$A' \"\\$A\" it's\n") == "'one' \"$A\" it's\n"


def test_what_stands_is_kept() -> None:
    text = "'a b' \"c $NONE\" \\$ ${NONE:-x} ${A}"
    assert Lexer(VARIABLES, quotes="keep", escapes="keep", unset="keep").word(text) == text.replace("${A}", "one")


def test_what_was_met() -> None:
    lexer = Lexer(VARIABLES)
    lexer.word("$A ${EMPTY:-$NONE} '$NOT' ${OTHER+x}")
    assert (lexer.used, lexer.missing) == ({"A", "EMPTY"}, {"NONE", "OTHER"})


@given(st.text("ab'\"\\ ${}:-+?#%/*A[.", max_size=30), st.sampled_from("\\`"))
def test_any_text_is_expanded_or_refused(text: str, escape: str) -> None:
    for quotes in ("drop", "keep", "plain"):
        try:
            Lexer(VARIABLES, escape, quotes=quotes).word(text)
        except FormatError:
            pass
