"""The rules between fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oci_spec import semantics, validate
from oci_spec.jsondoc import FormatError

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
SHA = "sha256:" + "a" * 64
EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
WITH_DATA = {"mediaType": "a/b", "digest": EMPTY, "size": 2, "data": "e30="}
WRONG_DATA = {**WITH_DATA, "data": "W10="}
LAYER = {"mediaType": "a/b", "digest": SHA, "size": 2}
MANIFEST = {"schemaVersion": 2, "config": LAYER, "layers": [LAYER]}
CONFIG = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [SHA]}}
CORE = {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}
RUN: dict[str, Any] = {"ociVersion": "1.2.0", "root": {"path": "rootfs"}}
NOT_EMPTY = "has the digest sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945, not " + EMPTY


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        ("descriptor", WITH_DATA, []),
        ("descriptor", {**WITH_DATA, "data": None}, []),
        ("descriptor", {**WITH_DATA, "digest": "blake3:00"}, []),
        ("descriptor", WRONG_DATA, [("/data", NOT_EMPTY)]),
        ("descriptor", {**WITH_DATA, "size": 3}, [("/data", "holds 2 bytes, but size says 3")]),
        (
            "image-manifest", {**MANIFEST, "config": WRONG_DATA, "layers": [LAYER, WRONG_DATA], "subject": WRONG_DATA},
            [("/config/data", NOT_EMPTY), ("/subject/data", NOT_EMPTY), ("/layers/1/data", NOT_EMPTY)],
        ),
        ("image-index", {"schemaVersion": 2, "manifests": [WITH_DATA, WRONG_DATA]}, [("/manifests/1/data", NOT_EMPTY)]),
        ("image-config", CONFIG, []),
        ("image-config", {**CONFIG, "history": None}, []),
        ("image-config", {**CONFIG, "history": [{"empty_layer": True}, {}, {"empty_layer": True}]}, []),
        ("image-config", {**CONFIG, "history": [{"empty_layer": None}]}, []),
        (
            "image-config", {**CONFIG, "history": [{}, {"empty_layer": False}]},
            [("/history", "has 2 entries that made a layer, but there are 1 diff IDs")],
        ),
        (
            "image-config", {**CONFIG, "history": [{"empty_layer": True}]},
            [("/history", "has 0 entries that made a layer, but there are 1 diff IDs")],
        ),
        ("image", {"descriptor": LAYER, "manifest": MANIFEST, "config": CONFIG}, []),
        (
            "image", {"descriptor": WRONG_DATA, "manifest": {**MANIFEST, "layers": []}, "config": CONFIG},
            [("/descriptor/data", NOT_EMPTY), ("/config/rootfs/diff_ids", "has 1 diff IDs for 0 layers")],
        ),
        ("runtime-config", RUN, []),
        ("runtime-config", {"ociVersion": "1.2.0"}, [("", "lacks root, which only Windows may do without")]),
        ("runtime-config", {"ociVersion": "1.2.0", "windows": {}}, []),
        (
            "runtime-config", {**RUN, "process": {"cwd": "/"}},
            [("/process", "lacks args, which only Windows may do without")],
        ),
        (
            "runtime-config", {**RUN, "linux": {"namespaces": [{"type": "pid"}, {"type": "uts"}, {"type": "pid"}]}},
            [("/linux/namespaces/2/type", "names pid a second time")],
        ),
        (
            "runtime-config",
            {**RUN, "process": {"cwd": "/", "args": ["x"], "rlimits": [CORE, CORE]}},
            [("/process/rlimits/1/type", "names RLIMIT_CORE a second time")],
        ),
        (
            "runtime-config", {**RUN, "linux": {"devices": [{"type": "p", "path": "/a"}, {"type": "c", "path": "/a"}]}},
            [
                ("/linux/devices/1/path", "names /a a second time"),
                ("/linux/devices/1", "lacks major and minor, which only a fifo may"),
            ],
        ),
        (
            "runtime-config", {**RUN, "linux": {"timeOffsets": {"boottime": {}, "real/time": {}}}},
            [("/linux/timeOffsets/real~1time", "is no clock that has an offset")],
        ),
        (
            "runtime-config", {**RUN, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "listenerMetadata": "x"}}},
            [("/linux/seccomp/listenerMetadata", "is set without a listenerPath")],
        ),
    ],
)  # fmt: skip
def test_rules(type: str, value: Any, expected: list[tuple[str, str]]) -> None:
    assert validate.violations(type, value) == [], "the schema is content"
    assert [(one.pointer, one.message) for one in semantics.violations(type, value)] == expected
    if expected:
        with pytest.raises(FormatError) as caught:
            semantics.check(type, value, "x")
        assert (caught.value.subject, caught.value.pointer, caught.value.problem) == ("x", *expected[0])
    else:
        semantics.check(type, value, "x")


def test_a_type_without_rules_breaks_none() -> None:
    assert list(semantics.violations("image-layout", json.loads((GOLDEN / "image-layout.json").read_text()))) == []
