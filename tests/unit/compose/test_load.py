"""YAML: what plain words mean, anchors and merge keys, what is refused, and where everything stands."""

from __future__ import annotations

from typing import Any

import pytest
from composing import document, refusal

from ocipipe.compose import load
from ocipipe.compose.positions import dotted, place_at


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML 1.1 has numbers of base 60, and truth values in seven languages: words here.
        ("22:22", "22:22"), ("3306:3306", "3306:3306"), ("1:20:30", "1:20:30"),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("n", "n"), ("No", "No"),
        ("true", True), ("True", True), ("TRUE", True), ("tRue", "tRue"), ("false", False), ("False", False),
        ("null", None), ("~", None), ("Null", None), ("nil", "nil"), ("none", "none"), ("''", ""), ('"null"', "null"),
        ("0", 0), ("7", 7), ("-7", -7), ("+7", 7), ("0644", 0o644), ("0o644", 0o644), ("0x1F", 31), ("0b11", 3),
        ("08", "08"), ("0x", "0x"), ("1_000", "1_000"), ("--1", "--1"), ("'7'", "7"), ('"0644"', "0644"),
        ("1.5", 1.5), ("-1.5", -1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("1.5.0", "1.5.0"), ("3.8", 3.8),
        ("e3", "e3"), ("1e", "1e"), ("1e999", "1e999"), (".inf", ".inf"), (".nan", ".nan"), ("1-2", "1-2"),
        ("2024-05-01", "2024-05-01"), ("12:30:00", "12:30:00"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"),
        ("!!str 7", "7"), ("!!int '7'", 7), ("!!str true", "true"), ("!!float 1.5", 1.5), ("!!bool 'true'", True),
        ("|\n  one\n  two\n", "one\ntwo\n"), (">\n  one\n  two\n", "one two\n"), ("|-\n  one\n", "one"),
        ("a # comment", "a"), ("a#b", "a#b"), ("'it''s'", "it's"), ('"tab\\t"', "tab\t"), ("=", "="), ("<", "<"),
        ("[a, 1, no]", ["a", 1, "no"]), ("{a: 1, b: }", {"a": 1, "b": None}), ("[]", []), ("{}", {}),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    found = document(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value) or isinstance(value, (dict, list))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("a: &x {b: 1}\nc:\n  b: 3\n  <<: *x", {"a": {"b": 1}, "c": {"b": 3}}),
        ("a: &x {b: 1}\nd: &y {b: 2, e: 3}\nc:\n  <<: [*x, *y]", {"a": {"b": 1}, "d": {"b": 2, "e": 3},
                                                                 "c": {"b": 1, "e": 3}}),
        ("a: &x {b: {z: 1}}\nc:\n  <<: *x\n  b: {y: 2}", {"a": {"b": {"z": 1}}, "c": {"b": {"y": 2}}}),
        ("c:\n  <<: {b: 1}", {"c": {"b": 1}}),
        ("a: &x 5\nc: [*x, *x]", {"a": 5, "c": [5, 5]}),
        ("a: &x [1]\nb: &x [2]\nc: *x", {"a": [1], "b": [2], "c": [2]}),
        ("a: &k key\n*k : 1", {"a": "key", "key": 1}),
        ("1: a\ntrue: b", {"1": "a", "true": "b"}),
        ('"<<": 1\n', {"<<": 1}),
        ("a: !reset null\nb: 1", {"b": 1}),
        ("a: !override [1]", {"a": [1]}),
    ],
)  # fmt: skip
def test_structure(text: str, value: Any) -> None:
    assert document(text) == value


def test_aliases_are_values_of_their_own() -> None:
    found = document("a: &x {b: [1]}\nc: *x")
    found["c"]["b"].append(2)
    assert found["a"] == {"b": [1]}


def test_tags_are_kept_for_the_merge() -> None:
    found = document("a: !reset []\nb: !override {c: 1}\nd: &x {e: !reset }\nf: {<<: *x}")
    assert found.tags == {"a": "reset", "b": "override"}
    assert found["f"].tags == {"e": "reset"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "compose.yaml:2: a: stands twice in one mapping, first in line 1 (leave one of them)"),
        (
            "s:\n  w:\n    i: 1\n    i: 2",
            "compose.yaml:4: s.w.i: stands twice in one mapping, first in line 3 (leave one of them)",
        ),
        (
            "s: [{a: 1, a: 2}]",
            "compose.yaml:1: s[0].a: stands twice in one mapping, first in line 1 (leave one of them)",
        ),
        ("- a", "compose.yaml:1: is no compose file: its top is not a mapping (begin with services:)"),
        ("word", "compose.yaml:1: is no compose file: its top is not a mapping (begin with services:)"),
        ("a: *x", "compose.yaml:1: a: nothing is named &x"),
        ("a: &x\n  b: *x", "compose.yaml:2: a.b: the alias *x stands inside what it names"),
        ("a: !python/name:os.system x", "compose.yaml:1: a: the tag !python/name:os.system means nothing here"),
        ("a: !!binary aGk=", "compose.yaml:1: a: the tag !!binary means nothing here"),
        ("a: !!set {b}", "compose.yaml:1: a: the tag !!set means nothing here"),
        ("a: !!int x", "compose.yaml:1: a: 'x' is no int"),
        ("a:\n  <<: 1", "compose.yaml:2: a: a merge key (<<) takes a mapping, or a list of mappings"),
        ("a: [!reset 1]", "compose.yaml:1: a[0]: !reset stands at an item of a list (put it at the whole list)"),
        ("? [a]\n: 1", "compose.yaml:1: a key is a word, not a mapping or a list (quote it if it has braces)"),
        ("a: {", "compose.yaml:2: is no YAML: did not find expected node content"),
        ("a: b\n c: d", "compose.yaml:2: is no YAML: mapping values are not allowed in this context"),
        (
            "a:\n\tb: 1",
            "compose.yaml:2: is no YAML: found character that cannot start any token (indent with blanks, not tabs)",
        ),
        ("a: 'b", "compose.yaml:1: is no YAML: found unexpected end of stream"),
    ],
)
def test_refused(text: str, message: str) -> None:
    assert refusal(document, text) == message


def test_not_utf_8() -> None:
    assert refusal(load.documents, b"a: \xff\xfe", "x.yaml").startswith("x.yaml: is no YAML: ")


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"---\n"])
def test_an_empty_file_has_no_documents(data: bytes) -> None:
    assert load.documents(data, "x") == []


def test_several_documents() -> None:
    assert load.documents(b"a: 1\n---\nb: 2\n", "x") == [{"a": 1}, {"b": 2}]


def test_a_billion_laughs() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert "with its aliases the document has more than 200000 parts" in refusal(document, text)


def test_deep_nesting() -> None:
    assert "is nested more than 100 deep" in refusal(document, "a: " + "[" * 200 + "]" * 200)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1), (("services",), 2), (("services", "web"), 3), (("services", "web", "image"), 4),
        (("services", "web", "ports"), 5), (("services", "web", "ports", 1), 7), (("services", "db", "image"), 11),
        (("services", "db", "nothing"), 10), (("services", "db", "command", 1), 12), (("services", "db", "x"), 13),
    ],
)  # fmt: skip
def test_places(path: tuple[str | int, ...], line: int) -> None:
    found = document(
        "x: &x\nservices:\n  web:\n    image: a\n    ports:\n      - 1\n      - 2\n\n\n"
        "  db:\n    image: b\n    command: [a, b]\n    x:\n      - 1\n"
    )
    assert str(place_at(found, path)) == f"compose.yaml:{line}"


def test_dotted_paths() -> None:
    assert dotted(["services", "web", "ports", 0, "target"]) == "services.web.ports[0].target"
    assert dotted(["x\n", "y"]) == "x\\n.y"
