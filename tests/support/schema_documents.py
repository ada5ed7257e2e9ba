"""Documents made from our JSON Schemas: valid ones, and ones with something changed in them."""

from __future__ import annotations

import copy
import functools
from typing import Any

from hypothesis import strategies as st

from oci_spec import validate

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
NUMBERS = [-1, 0, 1, 1.0, 1.5, True, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 1e300]
WORDS = ["sha256:" + "0" * 64, "2024-05-01T12:00:00Z", "1.2.0", "CAP_KILL", "/", "a/b", "x", ""]
EDGES = st.sampled_from([*NUMBERS, *WORDS, *(word + "\n" for word in WORDS), None, [], {}])


class _Maker:
    """Makes strategies for the parts of one schema; `pattern` as in JSON Schema, its `$` being the very end."""

    def __init__(self, name: str) -> None:
        self.root = validate.schema(name)

    def of(self, rule: Any) -> st.SearchStrategy[Any]:
        if rule is True:
            return ANYTHING
        if "$ref" in rule:
            file, _, path = rule["$ref"].partition("#")
            maker = _Maker(file.removesuffix(".json")) if file else self
            target: Any = maker.root
            for part in path.split("/")[1:]:
                target = target[part]
            base = maker.of(target)
            own = {key: value for key, value in rule.items() if key != "$ref"}
            if "properties" in own:  # both halves describe one object
                return st.builds(lambda one, other: {**one, **other}, base, self._object(own))
            return base
        if "const" in rule:
            return st.just(rule["const"])
        if "enum" in rule:
            return st.sampled_from(rule["enum"])
        kinds = rule.get("type")
        if kinds is None:
            if "anyOf" in rule and "properties" not in rule:
                return st.one_of([self.of(one) for one in rule["anyOf"]])
            kinds = "object" if "properties" in rule else "string"
        return st.one_of([self._kind(kind, rule) for kind in (kinds if isinstance(kinds, list) else [kinds])])

    def _kind(self, kind: str, rule: Any) -> st.SearchStrategy[Any]:
        if kind == "object":
            return self._object(rule)
        if kind == "array":
            return st.lists(self.of(rule.get("items", True)), min_size=rule.get("minItems", 0), max_size=3)
        if kind == "string":
            if "pattern" in rule:
                return st.from_regex(rule["pattern"].removesuffix("$"), fullmatch=rule["pattern"].endswith("$"))
            return st.text(min_size=rule.get("minLength", 0), max_size=8)
        if kind == "integer":
            return st.integers(rule.get("minimum"), rule.get("maximum"))
        if kind == "number":
            return st.floats(rule.get("minimum"), rule.get("maximum"), allow_nan=False, allow_infinity=False)
        return {"boolean": st.booleans(), "null": st.none()}[kind]

    def _object(self, rule: Any) -> st.SearchStrategy[Any]:
        members = {key: self.of(inner) for key, inner in rule.get("properties", {}).items()}
        required = {key: members.pop(key, ANYTHING) for key in rule.get("required", ())}
        known = st.fixed_dictionaries(required, optional=members)
        others = rule.get("additionalProperties", True)
        if others is False:
            return known
        keys = st.text(min_size=1, max_size=5).filter(lambda key: key not in rule.get("properties", {}))
        return st.builds(
            lambda more, one: {**more, **one}, st.dictionaries(keys, self.of(others), max_size=2), known
        )  # fmt: skip


@functools.cache
def documents(name: str) -> st.SearchStrategy[Any]:
    """Documents that are of type `name`, or close to it where rules between fields are concerned."""
    maker = _Maker(name)
    return maker.of(maker.root)


def places(value: Any) -> list[list[Any]]:
    """The path of every part of a document, itself included."""
    found: list[list[Any]] = [[]]
    members: Any = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for key, member in members:
        found += [[key, *path] for path in places(member)]
    return found


@st.composite
def changed(draw: st.DrawFn, originals: st.SearchStrategy[Any]) -> Any:
    """One of `originals` with parts replaced, removed or added at a few places."""
    document = copy.deepcopy(draw(originals))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(document)))
        if not path:
            if isinstance(document, dict) and draw(st.booleans()):
                document[draw(st.sampled_from(["layers", "manifests", "config", "x"]))] = draw(EDGES | ANYTHING)
            continue
        holder = document
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[path[-1]] = draw(EDGES | ANYTHING)
        else:
            del holder[path[-1]]
    return document
