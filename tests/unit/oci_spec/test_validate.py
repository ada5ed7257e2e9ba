"""The schemas and their two readers: the small interpreter agrees with jsonschema on every document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schema_documents import ANYTHING, changed, documents

from oci_spec import semantics, validate
from oci_spec.jsondoc import FormatError

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def kind(name: str) -> str:
    return name.partition(".")[0]


def goldens_of(type: str) -> list[Any]:
    return [golden(name) for name in NAMES if kind(name) == type]


def refused(type: str, value: Any) -> FormatError | None:
    try:
        validate.check(type, value, type)
    except FormatError as error:
        return error
    return None


def rules(schema: Any) -> Iterator[dict[str, Any]]:
    """Every rule in a schema, but not the maps of names to rules."""
    if isinstance(schema, bool):
        return
    yield schema
    for keyword in ("properties", "patternProperties", "$defs"):
        for inner in schema.get(keyword, {}).values():
            yield from rules(inner)
    for keyword in ("additionalProperties", "propertyNames", "items", "not"):
        if keyword in schema:
            yield from rules(schema[keyword])
    for keyword in ("anyOf", "allOf"):
        for inner in schema.get(keyword, ()):
            yield from rules(inner)


@pytest.mark.parametrize("type", validate.TYPES)
class TestSchema:
    def test_it_is_a_schema(self, type: str) -> None:
        jsonschema.Draft202012Validator.check_schema(validate.schema(type))

    def test_it_names_itself(self, type: str) -> None:
        schema = validate.schema(type)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == f"{type}.json"
        assert schema["title"]

    def test_it_uses_what_the_interpreter_knows(self, type: str) -> None:
        known = validate.KEYWORDS | {"$schema", "$id", "$defs", "title", "description"}
        for rule in rules(validate.schema(type)):
            assert set(rule) <= known

    def test_its_references_are_to_our_files(self, type: str) -> None:
        for rule in rules(validate.schema(type)):
            if "$ref" in rule:
                file, _, path = rule["$ref"].partition("#")
                target = validate.schema(file.removesuffix(".json") or type)
                for part in path.split("/")[1:]:
                    target = target[part]
                assert isinstance(target, dict)

    def test_its_patterns_mean_the_same_in_every_dialect(self, type: str) -> None:
        """`$` at the very end only, where we read it as ECMA does; no class or escape that differs."""
        for rule in rules(validate.schema(type)):
            pattern = rule.get("pattern", "")
            bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "", pattern)
            assert "$" not in bare[:-1]
            assert not re.search(r"\\[wWdDsSbB]|\(\?P|\(\?<|\\[AZ]", pattern)

    def test_its_constants_are_scalars(self, type: str) -> None:
        for rule in rules(validate.schema(type)):
            for word in [*rule.get("enum", ()), rule.get("const")]:
                assert not isinstance(word, (dict, list))

    def test_there_is_a_golden_document(self, type: str) -> None:
        assert type in [kind(name) for name in NAMES]

    def test_the_golden_documents_show_every_field(self, type: str) -> None:
        fields = {name for rule in rules(validate.schema(type)) for name in rule.get("properties", ())}
        assert fields - set(_keys(goldens_of(type))) == set()

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_both_readers_agree(self, type: str, data: st.DataObject) -> None:
        """On documents made from the schema, golden ones, and both with something changed, or anything."""
        whole = documents(type) | st.sampled_from(goldens_of(type))
        value = data.draw(whole | changed(whole) | changed(st.sampled_from(goldens_of(type))) | ANYTHING)
        error = refused(type, value)
        found = validate.violations(type, value)
        assert (error is None) == (found == [])
        if error is not None:
            assert error.subject == type
            assert error.problem
            assert all(violation.message for violation in found)
            assert _first(error, found), f"{error} is none of {found}"


def _first(error: FormatError, found: list[validate.Violation]) -> bool:
    """Whether what `check` tells is among what `violations` lists."""
    return (error.pointer, error.problem) in [(one.pointer, one.message) for one in found]


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for member in value.values():
            yield from _keys(member)
    elif isinstance(value, list):
        for member in value:
            yield from _keys(member)


@pytest.mark.parametrize("name", NAMES)
class TestGolden:
    def test_it_is_valid(self, name: str) -> None:
        value = golden(name)
        assert validate.check(kind(name), value, name) is value
        assert validate.violations(kind(name), value) == []
        assert list(semantics.violations(kind(name), value)) == []

    def test_it_is_recognised(self, name: str) -> None:
        assert validate.detect(golden(name)) == kind(name)


SHA = "sha256:" + "a" * 64
DESCRIPTOR = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": SHA, "size": 3}
CONFIG = {"ociVersion": "1.2.0", "root": {"path": "rootfs"}}
PLAIN = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
STATE = {"ociVersion": "1.2.0", "id": "x", "status": "stopped", "bundle": "/b"}
VALID = {"type": None, "digest": SHA, "size": 0, "valid": True, "violations": []}
MANIFEST = {"schemaVersion": 2, "config": DESCRIPTOR, "layers": []}

BAD = [
    ("descriptor", {**DESCRIPTOR, "size": True}, "/size", "is true, not an integer"),
    ("descriptor", {**DESCRIPTOR, "size": -1}, "/size", "is -1, less than 0"),
    ("descriptor", {**DESCRIPTOR, "size": 2**63}, "/size", f"is {2**63}, more than {2**63 - 1}"),
    ("descriptor", {**DESCRIPTOR, "size": 1.5}, "/size", "is 1.5, not an integer"),
    ("descriptor", {**DESCRIPTOR, "size": "3"}, "/size", 'is "3", not an integer'),
    ("descriptor", {"mediaType": "a/b", "size": 3}, "", "lacks digest"),
    ("descriptor", [], "", "is an array, not an object"),
    ("descriptor", {**DESCRIPTOR, "digest": SHA.upper()}, "/digest", "not a digest"),
    ("descriptor", {**DESCRIPTOR, "digest": SHA[:-1]}, "/digest", "not a digest"),
    ("descriptor", {**DESCRIPTOR, "digest": SHA + "\n"}, "/digest", "not a digest"),
    ("descriptor", {**DESCRIPTOR, "digest": "sha512:" + "a" * 64}, "/digest", "not a digest"),
    ("descriptor", {**DESCRIPTOR, "digest": "../../etc:passwd"}, "/digest", "not a digest"),
    ("descriptor", {**DESCRIPTOR, "mediaType": "text"}, "/mediaType", "not a media type (RFC 6838)"),
    ("descriptor", {**DESCRIPTOR, "mediaType": "a/b; charset=x"}, "/mediaType", "not a media type"),
    ("descriptor", {**DESCRIPTOR, "annotations": {"a": 1}}, "/annotations/a", "is 1, not a string"),
    ("descriptor", {**DESCRIPTOR, "annotations": {"a/b~c": 1}}, "/annotations/a~1b~0c", "is 1, not a string"),
    ("descriptor", {**DESCRIPTOR, "annotations": {"": "x"}}, "/annotations", 'key "" is empty'),
    ("descriptor", {**DESCRIPTOR, "urls": ["no scheme"]}, "/urls/0", "not a URI with its scheme"),
    ("descriptor", {**DESCRIPTOR, "data": "e30"}, "/data", "not base 64 with its padding"),
    ("descriptor", {**DESCRIPTOR, "platform": {"os": "linux"}}, "/platform", "lacks architecture"),
    ("image-manifest", {**MANIFEST, "schemaVersion": 1}, "/schemaVersion", "is 1, not 2"),
    ("image-manifest", {**MANIFEST, "layers": [DESCRIPTOR, {}]}, "/layers/1", "lacks mediaType"),
    ("image-manifest", {**MANIFEST, "manifests": []}, "", "is a manifest and an index at once"),
    ("image-manifest", {**MANIFEST, "mediaType": "a/b"}, "/mediaType", 'is "a/b", not "application/vnd.oci.image.man'),
    (
        "image-manifest", {**MANIFEST, "config": {**DESCRIPTOR, "mediaType": "application/vnd.oci.empty.v1+json"}},
        "/config", "is the empty config, but the manifest names no artifactType",
    ),
    ("image-index", {"schemaVersion": 2, "manifests": [], "layers": []}, "", "is a manifest and an index at once"),
    ("image-index", {"schemaVersion": 2, "manifests": None}, "/manifests", "is null, not an array"),
    ("image-layout", {"imageLayoutVersion": "2.0.0"}, "/imageLayoutVersion", 'is "2.0.0", not "1.0.0"'),
    ("image-config", {**PLAIN, "os": None}, "/os", "is null, not a string"),
    ("image-config", {**PLAIN, "rootfs": {"type": "x", "diff_ids": []}}, "/rootfs/type", 'is "x", not "layers"'),
    ("image-config", {**PLAIN, "config": {"Env": "A=b"}}, "/config/Env", 'is "A=b", not an array or null'),
    ("image-config", {**PLAIN, "created": "yesterday"}, "/created", "not a date and time of RFC 3339"),
    ("runtime-state", {**STATE, "status": "running"}, "/status", "is a live one, but the state has no pid"),
    ("runtime-state", {**STATE, "ociVersion": "1"}, "/ociVersion", 'is "1", not a version of SemVer 2.0'),
    ("container", STATE, "", "lacks annotations"),
    (
        "container", {**STATE, "id": "a" * 64, "annotations": {"org.ocipipe.exit-code": "256"}},
        "/annotations/org.ocipipe.exit-code",
        "not an exit status from 0 to 255",
    ),
    ("runtime-features", {"ociVersionMin": "1.0.0"}, "", "lacks ociVersionMax"),
    ("runtime-config", {"root": {"path": "r"}}, "", "lacks ociVersion"),
    ("runtime-config", {**CONFIG, "root": {"path": ""}}, "/root/path", "is empty"),
    ("runtime-config", {**CONFIG, "process": {"cwd": "tmp"}}, "/process/cwd", 'is "tmp", not an absolute path'),
    ("runtime-config", {**CONFIG, "process": {"cwd": "/", "args": []}}, "/process/args", "is empty"),
    (
        "runtime-config", {**CONFIG, "process": {"cwd": "/", "capabilities": {"bounding": ["KILL"]}}},
        "/process/capabilities/bounding/0", 'is "KILL", not a capability, like CAP_NET_BIND_SERVICE',
    ),
    (
        "runtime-config", {**CONFIG, "process": {"cwd": "/", "rlimits": [{"type": "RLIMIT_CORE", "soft": -1}]}},
        "/process/rlimits/0", "lacks hard",
    ),
    ("runtime-config", {**CONFIG, "linux": {"namespaces": [{"type": "net"}]}}, "/linux/namespaces/0/type", 'is "net"'),
    (
        "runtime-config", {**CONFIG, "linux": {"resources": {"hugepageLimits": [{"pageSize": "2M", "limit": 1}]}}},
        "/linux/resources/hugepageLimits/0/pageSize", 'is "2M", not a page size, like 2MB',
    ),
    (
        "runtime-config", {**CONFIG, "linux": {"resources": {"rdma": {"m": {}}}}}, "/linux/resources/rdma/m",
        "lacks hcaHandles",
    ),
    (
        "runtime-config", {**CONFIG, "hooks": {"prestart": [{"path": "x"}]}}, "/hooks/prestart/0/path",
        'is "x", not an absolute path',
    ),
    ("error", {"errors": [{"code": "not found"}]}, "/errors/0/code", "not a code in upper-case letters"),
    (
        "validation", {**VALID, "valid": False, "violations": [{"pointer": "x", "message": "m"}]},
        "/violations/0/pointer", 'is "x", not a JSON pointer (RFC 6901)',
    ),
    ("validation", {**VALID, "violations": [{"pointer": "", "message": "m"}]}, "/violations", "lists violations of a"),
    ("registries", {"registries": {"x": {"insecure": 1}}}, "/registries/x/insecure", "is 1, not true or false"),
    ("registries", {"registries": {"x": {"secure": 1}}}, "/registries/x/secure", "is not allowed here"),
]  # fmt: skip


@pytest.mark.parametrize(("type", "value", "pointer", "problem"), BAD)
def test_what_is_wrong_is_said(type: str, value: Any, pointer: str, problem: str) -> None:
    error = refused(type, value)
    assert error is not None
    assert (error.pointer, error.problem[error.problem.find(problem) :][: len(problem)]) == (pointer, problem)
    assert str(error) == f"{type}: {pointer + ': ' if pointer else ''}{error.problem}"
    assert (pointer, error.problem) in [(one.pointer, one.message) for one in validate.violations(type, value)]


def test_every_violation_is_listed_in_order() -> None:
    layers: list[Any] = [DESCRIPTOR] * 12
    layers[2] = {"digest": SHA, "size": True}
    layers[10] = {**DESCRIPTOR, "size": -1}
    found = validate.violations("image-manifest", {"schemaVersion": "2", "layers": layers})
    assert [(one.pointer, one.message) for one in found] == [
        ("", "lacks config"),
        ("/layers/2", "lacks mediaType"),
        ("/layers/2/size", "is true, not an integer"),
        ("/layers/10/size", "is -1, less than 0"),
        ("/schemaVersion", 'is "2", not 2'),
    ]


def test_a_long_value_is_not_repeated_whole() -> None:
    error = refused("descriptor", {**DESCRIPTOR, "digest": "x" * 10_000})
    assert error is not None
    assert len(str(error)) < 300


def test_numbers_are_what_json_says() -> None:
    assert refused("descriptor", {**DESCRIPTOR, "size": 3.0}) is None
    assert refused("image-layout", {"imageLayoutVersion": 1}) is not None
    assert refused("image-manifest", {**MANIFEST, "schemaVersion": 2.0}) is None
    assert refused("image-manifest", {**MANIFEST, "schemaVersion": True}) is not None


def test_unknown_fields_are_kept_and_ignored() -> None:
    """The image-spec and the runtime-spec both ask for it."""
    for type, value in (("descriptor", DESCRIPTOR), ("image-config", PLAIN), ("runtime-config", CONFIG)):
        assert validate.check(type, {**value, "x-unknown": [1]}, type)["x-unknown"] == [1]


@pytest.mark.parametrize(
    ("value", "type"),
    [
        ({}, None), ([], None), ("x", None), (None, None), (3, None), ({"name": "x"}, None),
        ({"schemaVersion": 2, "config": {}}, "image-manifest"),
        ({"manifests": [], "layers": []}, "image-index"),
        ({**DESCRIPTOR, "mediaType": "application/vnd.oci.image.manifest.v1+json"}, "descriptor"),
        ({"architecture": "amd64", "os": "linux"}, "image-config"),
        ({**STATE, "rootfs": "/b/rootfs"}, "runtime-state"),
        ({**STATE, "annotations": {"org.ocipipe.name": "x"}}, "container"),
        ({**STATE, "annotations": {"user": "x"}}, "runtime-state"),
        ({**STATE, "annotations": 3}, "runtime-state"),
        ({"ociVersion": "1.2.0"}, "runtime-config"),
    ],
)  # fmt: skip
def test_types_are_recognised(value: Any, type: str | None) -> None:
    assert validate.detect(value) == type


@given(ANYTHING)
def test_recognising_never_fails(value: Any) -> None:
    assert validate.detect(value) in (None, *validate.TYPES)
