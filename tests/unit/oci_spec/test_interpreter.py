"""The interpreter, keyword by keyword, beside jsonschema's reading of the same rules."""

from __future__ import annotations

import itertools
from typing import Any

import jsonschema
import pytest

from oci_spec import interpreter
from oci_spec.interpreter import Check
from oci_spec.jsondoc import FormatError

VALUES: list[Any] = [
    None, True, False, 0, 1, 1.0, 1.5, -1, 2, 2**64, "", "a", "ab", "1", "a\n", [], [1], [True], ["a", 1], [[]],
    {}, {"a": 1}, {"a": "x", "b": 2}, {"": None}, {"b": {"a": True}}, {"a/b~c": 1},
]  # fmt: skip
SCHEMAS: list[Any] = [
    True, False, {},
    *({"type": kind} for kind in ("object", "array", "string", "integer", "number", "boolean", "null")),
    {"type": ["string", "null"]},
    {"const": 1}, {"const": True}, {"const": 0}, {"const": False}, {"const": "a"}, {"const": None},
    {"enum": [1, "a"]}, {"enum": [True, None]}, {"enum": []},
    {"minimum": 1}, {"maximum": 1}, {"minimum": 1, "maximum": 1.5},
    {"minLength": 1}, {"minLength": 2}, {"minItems": 1}, {"minItems": 2},
    {"pattern": "^a"}, {"pattern": "b"},
    {"required": ["a"]}, {"required": ["a", "b"]}, {"required": []},
    {"properties": {"a": {"type": "string"}}}, {"properties": {"a": False}}, {"properties": {"b": {"required": ["a"]}}},
    {"additionalProperties": False}, {"additionalProperties": {"type": "integer"}},
    {"properties": {"a": True}, "additionalProperties": False},
    {"patternProperties": {"^a": {"type": "string"}}},
    {"patternProperties": {"^a": True}, "additionalProperties": False},
    {"propertyNames": {"minLength": 1}}, {"propertyNames": {"enum": ["a"]}},
    {"items": {"type": "integer"}}, {"items": False},
    {"anyOf": [{"type": "string"}, {"required": ["a"]}]}, {"allOf": [{"minimum": 0}, {"maximum": 1}]},
    {"not": {"type": "integer"}}, {"not": {}}, {"not": {"required": ["a"]}},
    {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}, "properties": {"a": {"$ref": "#/$defs/n"}}},
    {"properties": {"b": {"$ref": "#"}}, "required": ["a"]},
]  # fmt: skip


def refusal(schema: Any, value: Any) -> FormatError | None:
    try:
        Check(schema, {}.__getitem__, "it").check(schema, value, "")
    except FormatError as error:
        return error
    return None


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_it_reads_as_jsonschema_does(schema: Any) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    for value in VALUES:
        assert (refusal(schema, value) is None) == validator.is_valid(value), value


def test_every_keyword_is_tried() -> None:
    tried = set(itertools.chain.from_iterable(schema for schema in SCHEMAS if isinstance(schema, dict))) | {"$ref"}
    assert interpreter.KEYWORDS - tried == set()


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": ["string", "null"]}, 1, "it: is 1, not a string or null"),
        ({"type": "boolean"}, {}, "it: is an object, not true or false"),
        ({"const": None}, "x", 'it: is "x", not null'),
        ({"enum": ["a", 2]}, [], 'it: is an array, not "a" or 2'),
        ({"minLength": 1}, "", "it: is empty"),
        ({"minLength": 3}, "ab", "it: has fewer than 3 characters"),
        ({"minItems": 1}, [], "it: is empty"),
        ({"minItems": 2}, [1], "it: has fewer than 2 items"),
        ({"pattern": "^x$"}, "x\n", 'it: is "x\\n", not of the form ^x$'),
        ({"pattern": "^x", "title": "an x"}, "y", 'it: is "y", not an x'),
        ({"not": {"title": "is there", "required": ["a"]}}, {"a": 1}, "it: is there"),
        ({"not": {}}, 1, "it: is not allowed here"),
        ({"additionalProperties": False}, {"a/b~c": 1}, "it: /a~1b~0c: is not allowed here"),
        ({"propertyNames": {"minLength": 1}}, {"": 1}, 'it: key "" is empty'),
        ({"items": {"items": {"type": "null"}}}, [[None], [None, 3]], "it: /1/1: is 3, not null"),
        (
            {"anyOf": [{"type": "null"}, {"properties": {"a": {"type": "null"}}, "type": "object"}]}, {"a": "é"},
            'it: /a: is "é", not null',
        ),
        ({"type": "null"}, "x" * 200, f'it: is "{"x" * 98}…, not null'),
    ],
)  # fmt: skip
def test_messages(schema: Any, value: Any, message: str) -> None:
    assert str(refusal(schema, value)) == message


def test_references_to_other_schemas() -> None:
    others = {"other": {"$defs": {"n": {"type": "integer"}}, "items": {"$ref": "#/$defs/n"}}}
    schema = {"properties": {"a": {"$ref": "other.json"}, "b": {"$ref": "other.json#/$defs/n"}}}
    check = Check(schema, others.__getitem__, "it")
    check.check(schema, {"a": [1], "b": 1}, "")
    with pytest.raises(FormatError, match="it: /a/0: is true, not an integer"):
        check.check(schema, {"a": [True]}, "")
    with pytest.raises(FormatError, match="it: /b: is null, not an integer"):
        check.check(schema, {"b": None}, "")
