"""Checking documents against the JSON Schemas in `schema/`, which are the one truth about each type.

`check` is on every hot path: it uses the small `interpreter` and stops at the first violation. `violations` lists them
all through the jsonschema package, which takes 100 ms to import and is therefore only asked when something is wrong.
Tests prove that the two agree.
"""

from __future__ import annotations

import os

from . import jsondoc
from .interpreter import KEYWORDS, RULES, Check, compiled, described, escape, has_pattern
from .jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .jsondoc import Document

__all__ = ["KEYWORDS", "TYPES", "Violation", "check", "detect", "escape", "schema", "violations"]

_DIRECTORY = os.path.join(os.path.dirname(__file__), "schema")
TYPES = tuple(sorted(name.removesuffix(".json") for name in os.listdir(_DIRECTORY) if name.endswith(".json")))
"""The document types: the schemas' file names."""

_MARKS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (name, frozenset(keys.split()))
    for name, keys in (
        ("image-layout", "imageLayoutVersion"),
        ("container-record", "chainIds exitCode"),
        ("stats", "cpu memory pids block network"),
        ("process", "containerPid cpuSeconds"),
        ("port", "containerPort hostPort"),
        ("container-inspect", "state config record"),
        ("volume-record", "driver driverOptions"),
        ("volume", "driver mountpoint"),
        ("image-index", "schemaVersion manifests"),
        ("image-manifest", "schemaVersion layers"),
        ("image-manifest", "schemaVersion config"),
        ("image-manifest", "config layers"),
        ("image", "descriptor manifest"),
        ("image", "descriptor index"),
        ("image-index", "manifests"),
        ("validation", "valid violations"),
        ("history", "empty_layer size"),
        ("finding", "code severity"),
        ("lint", "rule severity"),
        ("usage", "count reclaimable"),
        ("store-info", "version features lacks"),
        ("descriptor", "mediaType digest"),
        ("descriptor", "digest size"),
        ("runtime-features", "ociVersionMin"),
        ("runtime-features", "ociVersionMax"),
        ("runtime-state", "ociVersion status"),
        ("runtime-state", "ociVersion bundle"),
        ("runtime-config", "ociVersion"),
        ("image-config", "rootfs"),
        ("image-config", "architecture os"),
        ("error", "errors"),
        ("health", "failingStreak log"),
        ("registries", "registries"),
        ("compose-plan", "action object reasons project state"),
        ("action", "action object reasons"),
        ("event", "time type action object"),
        ("log-entry", "container time stream line"),
        ("login", "registry status"),
        ("change", "path kind"),
        ("tags", "name tags"),
        ("cdi", "cdiVersion"),
        ("kube", "apiVersion kind metadata"),
        ("compose-item", "kind name"),
        ("compose-project", "name status directory files"),
        ("compose", "name services"),
        ("network", "cniVersion plugins"),
        ("network", "name plugins"),
        ("attachment", "cniVersion interfaces"),
    )
)
"""Fields that only documents of a type have together, the surest first."""

_schemas: dict[str, dict[str, Any]] = {}
_validators: dict[str, Any] = {}


class Violation:
    """One way in which a document breaks its schema, at a JSON pointer (RFC 6901)."""

    __slots__ = ("message", "pointer")

    def __init__(self, pointer: str, message: str) -> None:
        self.pointer = pointer
        self.message = message

    def __repr__(self) -> str:
        return f"Violation({self.pointer!r}, {self.message!r})"


def schema(name: str) -> dict[str, Any]:
    """The schema of a type, which must be one of TYPES."""
    found = _schemas.get(name)
    if found is None:
        with open(os.path.join(_DIRECTORY, f"{name}.json"), "rb") as file:
            found = _schemas[name] = jsondoc.load_object(file.read(), f"schema {name}")
    return found


def check(name: str, value: object, subject: str) -> Document:
    """`value` when it is a document of type `name` (one of TYPES); else FormatError for the first violation."""
    root = schema(name)
    Check(root, schema, subject).check(root, value, "")
    return value  # type: ignore[return-value]


def violations(name: str, value: object) -> list[Violation]:
    """Every violation of the schema, in the order of the document's places; none for a valid document."""
    listed = [found for error in _validator(name).iter_errors(value) for found in _explained(error)]
    listed.sort(key=lambda entry: [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in entry[0]])
    return [Violation("".join(f"/{escape(str(part))}" for part in path), message) for path, message in listed]


def detect(value: object) -> str | None:
    """The type of a document, judged by the fields that only it has; None when nothing fits.

    A runtime state with an annotation of ours is a `container`. What is detected need not be valid.
    """
    if not isinstance(value, dict):
        return None
    name = next((name for name, keys in _MARKS if keys <= value.keys()), None)
    if name == "runtime-state":
        annotations = value.get("annotations")
        if isinstance(annotations, dict) and any(key.startswith("org.ocipipe.") for key in annotations):
            return "container"
    return name


def _validator(name: str) -> Any:
    found = _validators.get(name)
    if found is None:
        import jsonschema
        import referencing.jsonschema

        # With their "$schema" jsonschema would go back to its own reading of `pattern`.
        contents = {other: {key: part for key, part in schema(other).items() if key != "$schema"} for other in TYPES}
        draft = referencing.jsonschema.DRAFT202012
        resources = [(f"{other}.json", draft.create_resource(content)) for other, content in contents.items()]
        registry: Any = referencing.Registry().with_resources(resources)
        extend: Any = jsonschema.validators.extend
        kind = extend(jsonschema.Draft202012Validator, {"pattern": _pattern_errors})
        found = _validators[name] = kind({"$ref": f"{name}.json"}, registry=registry)
    return found


def _pattern_errors(_validator: Any, pattern: str, value: object, _rule: dict[str, Any]) -> Iterator[Any]:
    """jsonschema's `pattern`, reading `$` as we do."""
    import jsonschema

    if isinstance(value, str) and not compiled(pattern).search(value):
        yield jsonschema.ValidationError("does not match")


def _explained(error: Any) -> Iterator[tuple[list[Any], str]]:
    """Place and message of what jsonschema found, in the words of `check`; of an `anyOf`, the branch that was meant."""
    if error.validator == "anyOf":
        branches: dict[int, list[tuple[list[Any], str]]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).extend(_explained(inner))
        yield from max(branches.values(), key=lambda branch: len(branch[0][0]))  # as `check`, which ends at the first
        return
    path, argument = list(error.absolute_path), error.validator_value
    if error.validator == "additionalProperties":
        yield from (
            ([*path, key], "is not allowed here")
            for key in error.instance
            if key not in _known(error.schema) and not has_pattern(error.schema, key)
        )
        return
    if error.validator == "required":
        # jsonschema tells each missing name on its own, `check` the first of them.
        argument = [name for name in argument if repr(name) == error.message.removesuffix(" is a required property")]
    key = f"key {described(error.instance)} " if "propertyNames" in error.relative_schema_path else ""
    try:
        RULES[error.validator](Check({}, schema, ""), error.schema, argument, error.instance, "")
    except FormatError as found:
        yield path, key + found.problem
    else:
        yield path, key + str(error.message)


def _known(rule: dict[str, Any]) -> Any:
    return rule.get("properties", ())
