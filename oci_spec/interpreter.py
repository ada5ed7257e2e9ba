"""A small interpreter of JSON Schema (draft 2020-12): the keywords that our schemas use, and no more.

It stops at the first violation and says it in words. A `title` beside a `pattern`, or inside a `not`, says what they
demand; without one a person would be shown a regular expression.
"""

from __future__ import annotations

from . import jsondoc
from .jsondoc import FormatError
from .patterns import KNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from typing import Any, NoReturn

    Schema = dict[str, Any]
    Load = Callable[[str], Schema]
    """A schema by its type's name, the same object each time."""
    Keyword = Callable[["Check", Any, Any, Any, str], None]

_targets: dict[tuple[int, str], tuple[Schema, Any, Schema]] = {}
"""What a reference in a root leads to: its root and its rule. The root itself is kept, so that its id stays its own."""
_patterns: dict[str, re.Pattern[str]] = {}


class Check:
    """One document being checked. Raises FormatError at the first violation."""

    __slots__ = ("load", "root", "subject")

    def __init__(self, root: Schema, load: Load, subject: str) -> None:
        self.root = root
        self.load = load
        self.subject = subject

    def check(self, rule: Any, value: Any, pointer: str) -> None:
        if rule is True:
            return
        if rule is False:
            self.fail("is not allowed here", pointer)
        for keyword, argument in rule.items():
            test = RULES.get(keyword)
            if test is not None:
                test(self, rule, argument, value, pointer)

    def fail(self, problem: str, pointer: str) -> NoReturn:
        raise FormatError(self.subject, problem, pointer)

    def type(self, rule: Any, wanted: Any, value: Any, pointer: str) -> None:
        if wanted.__class__ is str and value.__class__ is _EXACT[wanted]:
            return  # as nearly always
        kinds = wanted if isinstance(wanted, list) else [wanted]
        if not any(_is(kind, value) for kind in kinds):
            self.fail(f"is {described(value)}, not {' or '.join(_ARTICLE[kind] for kind in kinds)}", pointer)

    def required(self, rule: Any, names: Any, value: Any, pointer: str) -> None:
        if isinstance(value, dict):
            for name in names:
                if name not in value:
                    self.fail(f"lacks {name}", pointer)

    def properties(self, rule: Any, members: Any, value: Any, pointer: str) -> None:
        if isinstance(value, dict):
            for key, member in value.items():
                if key in members:
                    self.check(members[key], member, f"{pointer}/{escape(key) if '/' in key or '~' in key else key}")

    def pattern_properties(self, rule: Any, patterns: Any, value: Any, pointer: str) -> None:
        if isinstance(value, dict):
            for pattern, member_rule in patterns.items():
                fits = KNOWN.get(pattern) or compiled(pattern).search
                for key, member in value.items():
                    if fits(key):
                        self.check(member_rule, member, f"{pointer}/{escape(key)}")

    def other_properties(self, rule: Any, others: Any, value: Any, pointer: str) -> None:
        if isinstance(value, dict):
            known = rule.get("properties", ())
            for key, member in value.items():
                if key not in known and not has_pattern(rule, key):
                    self.check(others, member, f"{pointer}/{escape(key)}")

    def property_names(self, rule: Any, names: Any, value: Any, pointer: str) -> None:
        if isinstance(value, dict):
            for key in value:
                try:
                    self.check(names, key, pointer)
                except FormatError as error:
                    self.fail(f"key {described(key)} {error.problem}", pointer)

    def items(self, rule: Any, member_rule: Any, value: Any, pointer: str) -> None:
        if isinstance(value, list):
            for number, member in enumerate(value):
                self.check(member_rule, member, f"{pointer}/{number}")

    def reference(self, rule: Any, target: Any, value: Any, pointer: str) -> None:
        key = id(self.root), target
        found = _targets.get(key)
        if found is None:
            file, _, path = target.partition("#")
            root = self.load(file.removesuffix(".json")) if file else self.root
            inner = root
            for part in path.split("/")[1:]:
                inner = inner[part]
            found = _targets[key] = root, inner, self.root
        root, inner, _ = found
        (self if root is self.root else Check(root, self.load, self.subject)).check(inner, value, pointer)

    def any_of(self, rule: Any, rules: Any, value: Any, pointer: str) -> None:
        errors = []
        for one in rules:
            try:
                return self.check(one, value, pointer)
            except FormatError as error:
                errors.append(error)
        # The branch that got furthest into the document is the one that was meant.
        raise max(errors, key=lambda error: error.pointer.count("/"))

    def all_of(self, rule: Any, rules: Any, value: Any, pointer: str) -> None:
        for one in rules:
            self.check(one, value, pointer)

    def negation(self, rule: Any, unwanted: Any, value: Any, pointer: str) -> None:
        try:
            self.check(unwanted, value, pointer)
        except FormatError:
            return
        self.fail(unwanted.get("title", "is not allowed here"), pointer)

    def enum(self, rule: Any, words: Any, value: Any, pointer: str) -> None:
        if not any(_same(word, value) for word in words):
            self.fail(f"is {described(value)}, not {' or '.join(described(word) for word in words)}", pointer)

    def const(self, rule: Any, wanted: Any, value: Any, pointer: str) -> None:
        if not _same(wanted, value):
            self.fail(f"is {described(value)}, not {described(wanted)}", pointer)

    def pattern(self, rule: Any, pattern: Any, value: Any, pointer: str) -> None:
        if isinstance(value, str) and not (KNOWN.get(pattern) or compiled(pattern).search)(value):
            self.fail(f"is {described(value)}, not {rule.get('title', f'of the form {pattern}')}", pointer)

    def minimum(self, rule: Any, least: Any, value: Any, pointer: str) -> None:
        if _is("number", value) and value < least:
            self.fail(f"is {value}, less than {least}", pointer)

    def maximum(self, rule: Any, most: Any, value: Any, pointer: str) -> None:
        if _is("number", value) and value > most:
            self.fail(f"is {value}, more than {most}", pointer)

    def min_length(self, rule: Any, least: Any, value: Any, pointer: str) -> None:
        if isinstance(value, str) and len(value) < least:
            self.fail("is empty" if not value else f"has fewer than {least} characters", pointer)

    def min_items(self, rule: Any, least: Any, value: Any, pointer: str) -> None:
        if isinstance(value, list) and len(value) < least:
            self.fail("is empty" if not value else f"has fewer than {least} items", pointer)


RULES: dict[str, Keyword] = {
    "type": Check.type,
    "required": Check.required,
    "properties": Check.properties,
    "patternProperties": Check.pattern_properties,
    "additionalProperties": Check.other_properties,
    "propertyNames": Check.property_names,
    "items": Check.items,
    "$ref": Check.reference,
    "anyOf": Check.any_of,
    "allOf": Check.all_of,
    "not": Check.negation,
    "enum": Check.enum,
    "const": Check.const,
    "pattern": Check.pattern,
    "minimum": Check.minimum,
    "maximum": Check.maximum,
    "minLength": Check.min_length,
    "minItems": Check.min_items,
}
KEYWORDS = frozenset(RULES)
"""What `check` understands; no schema of ours uses more, and a test holds it to that."""

_ARTICLE: dict[str, str] = {"object": "an object", "array": "an array", "string": "a string", "integer": "an integer",
            "number": "a number", "boolean": "true or false", "null": "null"}  # fmt: skip


_EXACT: dict[str, object] = {"object": dict, "array": list, "string": str, "integer": int, "number": float,
            "boolean": bool, "null": None.__class__}  # fmt: skip
"""The class that values of a type have, but for numbers, which may have others too."""


def _is(kind: str, value: object) -> bool:
    if kind == "object":
        return isinstance(value, dict)
    if kind == "array":
        return isinstance(value, list)
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "null":
        return value is None
    if isinstance(value, bool):
        return False
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, (int, float))


def has_pattern(rule: Schema, key: str) -> bool:
    """Whether a key is one of the rule's patternProperties."""
    return any((KNOWN.get(one) or compiled(one).search)(key) for one in rule.get("patternProperties", ()))


def compiled(text: str) -> re.Pattern[str]:
    """A schema's pattern. JSON Schema's `$` is the very end; Python's would let a line end follow."""
    found = _patterns.get(text)
    if found is None:
        import re

        found = _patterns[text] = re.compile(text[:-1] + r"\Z" if text.endswith("$") else text)
    return found


def _same(one: object, other: object) -> bool:
    """Equality of JSON's scalars: 1 and 1.0 are one number, true is none."""
    return one is other if isinstance(one, bool) or isinstance(other, bool) else one == other


def described(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = jsondoc.dumps(value).decode()
    return text if len(text) <= 100 else text[:99] + "…"


def escape(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
