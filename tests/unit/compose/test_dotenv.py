"""Files of variables."""

from __future__ import annotations

import pytest
from composing import refusal

from ocipipe.compose import dotenv

OUTER = {"OUTER": "outer", "BOTH": "outer"}


def parsed(text: str) -> dict[str, str]:
    return dotenv.parse(text.encode(), ".env", OUTER, lambda name, place: None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("\n\n", {}),
        ("# comment\n", {}),
        ("  # comment", {}),
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=", {"A": ""}),
        ("A=\nB=1", {"A": "", "B": "1"}),
        ("A = 1", {"A": "1"}),
        ("A: 1", {"A": "1"}),
        ("A:1", {"A": "1"}),
        ("A=b:c", {"A": "b:c"}),
        ("A: b=c", {"A": "b=c"}),
        ("export A=1", {"A": "1"}),
        ("export\tA=1", {"A": "1"}),
        ("exported=1", {"exported": "1"}),
        ("  A=1", {"A": "1"}),
        ("A=1  ", {"A": "1"}),
        ("A=one two", {"A": "one two"}),
        ("A=1 # comment", {"A": "1"}),
        ("A=1#no", {"A": "1#no"}),
        ("A=# comment", {"A": ""}),
        ("A=a=b", {"A": "a=b"}),
        ("A.b-c=1", {"A.b-c": "1"}),
        ("A=1\nA=2", {"A": "2"}),
        ("\ufeffA=1", {"A": "1"}),
        ("A='$OUTER'", {"A": "$OUTER"}),
        ("A='it\\'s'", {"A": "it's"}),
        ("A='a # b'", {"A": "a # b"}),
        ("A=''", {"A": ""}),
        ("A='one\ntwo'\nB=1", {"A": "one\ntwo", "B": "1"}),
        ('A="one\ntwo"', {"A": "one\ntwo"}),
        ('A="a\\nb"', {"A": "a\nb"}),
        ('A="\\t\\r\\\\"', {"A": "\t\r\\"}),
        ('A="\\""', {"A": '"'}),
        ('A="\\$OUTER"', {"A": "$OUTER"}),
        ('A="\\x"', {"A": "\\x"}),
        ('A="$OUTER"', {"A": "outer"}),
        ('A="x" # comment', {"A": "x"}),
        ("A='\\n'", {"A": "\\n"}),
        ("A=$OUTER", {"A": "outer"}),
        ("A=${OUTER}/x", {"A": "outer/x"}),
        ("A=1\nB=$A", {"A": "1", "B": "1"}),
        ("A=${X:-d}", {"A": "d"}),
        ("A=${OUTER:+y}", {"A": "y"}),
        ("A=$$x", {"A": "$x"}),
        ("A=$X", {"A": ""}),
        ("BOTH=file\nC=$BOTH", {"BOTH": "file", "C": "outer"}),
        ("OUTER", {"OUTER": "outer"}),
        ("NEITHER", {}),
        ("OUTER\nA=1", {"OUTER": "outer", "A": "1"}),
        ("export OUTER", {"OUTER": "outer"}),
    ],
)
def test_parse(text: str, value: dict[str, str]) -> None:
    assert parsed(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A='x", ".env:1: the quote ' is not closed"), ('B=1\nA="x\n', '.env:2: the quote " is not closed'),
        ("A B=1", ".env:1: 'A B' is no name of a variable (write NAME=value)"),
        ("=1", ".env:1: '=1' is no name of a variable (write NAME=value)"),
        ("\n\nnot a line", ".env:3: 'not a line' is no name of a variable (write NAME=value)"),
        ("A='x' y", ".env:1: 'y' follows the closing quote (quote the whole value)"),
        ("A=${X:?needed}", ".env:1: the variable X is not set: needed (set it, or put it into .env)"),
        ("A=1\nB=$5", ".env:2: $5 is no variable (write $$ for a dollar sign)"),
    ],
)  # fmt: skip
def test_refused(text: str, message: str) -> None:
    assert refusal(parsed, text) == message


def test_not_utf_8() -> None:
    assert refusal(dotenv.parse, b"A=1\nB=\xff", "x.env", {}, lambda name, place: None) == "x.env:2: is not UTF-8"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=1", {"A": "1"}), ("A='$x'", {"A": "'$x'"}), ("A=b # c", {"A": "b # c"}), ("# c\n\nA=1", {"A": "1"}),
        ("A= b ", {"A": " b "}), ("A=1\r\n", {"A": "1"}), ("A=${X:?no}", {"A": "${X:?no}"}), ("A=", {"A": ""}),
    ],
)  # fmt: skip
def test_raw(text: str, value: dict[str, str]) -> None:
    assert dotenv.raw(text.encode(), ".env") == value


@pytest.mark.parametrize("text", ["A", "=x", "A b"])
def test_raw_refused(text: str) -> None:
    assert refusal(dotenv.raw, f"#\n{text}".encode(), "raw.env") == f"raw.env:2: {text!r} is no NAME=value"
