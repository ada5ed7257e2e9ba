"""Variables in values: every form, nested, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from composing import document, refusal, service

from ocipipe.compose.interpolate import Refused, escaped, interpolate, substitute

VARIABLES = {"SET": "value", "EMPTY": "", "OTHER": "other", "A1_b": "mixed", "DOLLAR": "$SET", "BRACE": "}"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$SET", "value"),
        ("${SET}", "value"),
        ("a${SET}b", "avalueb"),
        ("$SET$OTHER", "valueother"),
        ("$SET-x", "value-x"),
        ("$SET.x", "value.x"),
        ("${A1_b}", "mixed"),
        ("$A1_b", "mixed"),
        ("${EMPTY}", ""),
        ("[$EMPTY]", "[]"),
        ("$DOLLAR", "$SET"),
        ("${BRACE}", "}"),
        ("$$", "$"),
        ("$$SET", "$SET"),
        ("$${SET}", "${SET}"),
        ("$$$SET", "$value"),
        ("$$$$", "$$"),
        ("a$$b$$c", "a$b$c"),
        ("${SET:-d}", "value"),
        ("${EMPTY:-d}", "d"),
        ("${NONE:-d}", "d"),
        ("${SET-d}", "value"),
        ("${EMPTY-d}", ""),
        ("${NONE-d}", "d"),
        ("${SET:+y}", "y"),
        ("${EMPTY:+y}", ""),
        ("${NONE:+y}", ""),
        ("${SET+y}", "y"),
        ("${EMPTY+y}", "y"),
        ("${NONE+y}", ""),
        ("${SET:?m}", "value"),
        ("${SET?m}", "value"),
        ("${EMPTY?m}", ""),
        ("${NONE:-}", ""),
        ("${NONE-}", ""),
        ("${SET:+}", ""),
        ("${NONE:--}", "-"),
        ("${NONE:-:-}", ":-"),
        ("${NONE:-a b}", "a b"),
        ("${NONE:-http://x:80/?q=1}", "http://x:80/?q=1"),
        ("${NONE:-'q'}", "'q'"),
        ("${NONE:-$SET}", "value"),
        ("${NONE:-${SET}}", "value"),
        ("${NONE:-${NONE:-${OTHER}}}", "other"),
        ("${NONE-${EMPTY:-x}}", "x"),
        ("${SET:+${OTHER}}", "other"),
        ("${NONE:-a${SET}b${OTHER}c}", "avaluebotherc"),
        ("${NONE:-$$}", "$"),
        ("${NONE:-{}}", "{}"),
        ('${NONE:-{"a": {"b": 1}}}', '{"a": {"b": 1}}'),
        ("${SET:-${NONE:?never looked at}}", "value"),
        ("${NONE:+${NONE:?never looked at}}", ""),
    ],
)
def test_values(text: str, value: str) -> None:
    missing: list[str] = []
    assert substitute(text, VARIABLES, missing.append) == value
    assert missing == []


@pytest.mark.parametrize(
    ("text", "value", "names"),
    [
        ("$NONE", "", ["NONE"]), ("${NONE}x", "x", ["NONE"]), ("$A$B", "", ["A", "B"]),
        ("${NONE:-$GONE}", "", ["GONE"]), ("${EMPTY:-${GONE}}", "", ["GONE"]),
    ],
)  # fmt: skip
def test_what_is_not_set_is_empty_and_told(text: str, value: str, names: list[str]) -> None:
    missing: list[str] = []
    assert substitute(text, VARIABLES, missing.append) == value
    assert missing == names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${NONE:?say it}", "the variable NONE is not set: say it"),
        ("${EMPTY:?say it}", "the variable EMPTY is empty: say it"),
        ("${NONE?say it}", "the variable NONE is not set: say it"),
        ("${NONE:?}", "the variable NONE is not set"), ("${NONE?}", "the variable NONE is not set"),
        ("${NONE:?set $OTHER}", "the variable NONE is not set: set other"),
        ("${NONE:-${GONE:?inner}}", "the variable GONE is not set: inner"),
        ("$", "$ is no variable"), ("cost: 5$", "$ is no variable"), ("$5", "$5 is no variable"),
        ("$ SET", "$ SET is no variable"), ("$-", "$- is no variable"), ("$(x)", "$(x) is no variable"),
        ("${}", "${} is no variable"), ("${1}", "${1} is no variable"), ("${ SET}", "${ SET} is no variable"),
        ("${SET", "the brace of ${SET is not closed"), ("${NONE:-${SET}", "the brace of ${NONE:-${SET} is not closed"),
        ("${SET/a/b}", "${SET/a/b} has no modifier of Compose"), ("${SET:x}", "${SET:x} has no modifier of Compose"),
        ("${SET:}", "${SET:} has no modifier of Compose"), ("${SET#v}", "${SET#v} has no modifier of Compose"),
        ("${SET%e}", "${SET%e} has no modifier of Compose"), ("${SET }", "${SET } has no modifier of Compose"),
        ("${!SET}", "${!SET} is no variable"), ("$ä", "$ä is no variable"),
    ],
)  # fmt: skip
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(Refused) as caught:
        substitute(text, VARIABLES, lambda name: None)
    assert caught.value.problem == problem


def test_only_values_are_looked_at() -> None:
    found = document("$SET: $SET\nlist: [$SET, {k$SET: $OTHER}]\nnumber: 1")
    interpolate(found, VARIABLES, lambda name, place: None)
    assert found == {"$SET": "value", "list": ["value", {"k$SET": "other"}], "number": 1}


def test_a_refusal_names_the_place() -> None:
    found = document("services:\n  web:\n    ports:\n      - ${PORT:?say which}")
    assert refusal(interpolate, found, {}, lambda name, place: None) == (
        "compose.yaml:4: services.web.ports[0]: the variable PORT is not set: say which (set it, or put it into .env)"
    )


def test_what_is_missing_is_told_with_its_place() -> None:
    found = document("a: $ONE\nb:\n  - $TWO")
    told: list[str] = []
    interpolate(found, {}, lambda name, place: told.append(f"{name} {place}"))
    assert told == ["ONE compose.yaml:1", "TWO compose.yaml:3"]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("privileged: ${X}", "privileged", True),
        ("read_only: $X", "read_only", True),
        ("tty: '${X}'", "tty", True),
        ("scale: ${N}", "scale", 3),
        ("mem_limit: ${M}", "mem_limit", 64 << 20),
        ("cpus: ${C}", "cpus", 1.5),
        ("pids_limit: ${N}", "pids_limit", 3),
        ("oom_score_adj: -$N", "oom_score_adj", -3),
        ("stop_grace_period: ${D}", "stop_grace_period", "1m30s"),
        ("shm_size: $M", "shm_size", 64 << 20),
        ("command: run $W", "command", ["run", "two", "words"]),
        ("command: [run, $W]", "command", ["run", "two words"]),
        ("environment: {A: $N}", "environment", {"A": "3"}),
        ("environment: [A=$N]", "environment", {"A": "3"}),
        ("environment: ['$K=1']", "environment", {"KEY": "1"}),
        ("environment: {$K: 1}", "environment", {"$K": "1"}),
        ("labels: ['$K=$W']", "labels", {"KEY": "two words"}),
        ("init: ${NO:-false}", "init", False),
        ("healthcheck: {retries: $N}", "healthcheck", {"retries": 3}),
        ("image: $I:${N}", "image", "app:3"),
        ("ulimits: {nofile: $N}", "ulimits", {"nofile": {"soft": 3, "hard": 3}}),
        ("expose: [$N]", "expose", ["3"]),
        ("deploy: {replicas: $N}", "deploy", {"replicas": 3}),
        ("restart: ${R-no}", "restart", "no"),
    ],
)
def test_types_of_what_was_interpolated(text: str, key: str, value: Any) -> None:
    variables = {"X": "true", "N": "3", "M": "64m", "C": "1.5", "D": "90s", "W": "two words", "K": "KEY", "I": "app"}
    assert service(text, **variables)[key] == value


def test_escaping_is_the_way_back() -> None:
    value = {"a": "$b ${c} $$", "d": ["$", 1, None, {"e": "f"}], "$k": "x"}
    back = escaped(value)
    assert back == {"a": "$$b $${c} $$$$", "d": ["$$", 1, None, {"e": "f"}], "$k": "x"}
    assert substitute(back["a"], {}, lambda name: None) == value["a"]
