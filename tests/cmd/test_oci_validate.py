"""oci-validate: what it prints of good and bad input, and how it ends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cli_world import Stream, run

from oci_spec import validate
from oci_spec.digest import of_bytes
from ocipipe.cmd import oci_validate

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
SHA = "sha256:" + "0" * 64
GOOD = b'{"imageLayoutVersion":"1.0.0"}'
BAD = b'{"schemaVersion":2,"config":{},"layers":[]}'


def result(type: str | None, data: bytes, *violations: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": type, "digest": of_bytes(data), "size": len(data), "valid": not violations,
        "violations": [{"pointer": pointer, "message": message} for pointer, message in violations],
    }  # fmt: skip


LACKS = [("/config", f"lacks {name}") for name in ("mediaType", "digest", "size")]


@pytest.mark.parametrize("name", NAMES)
def test_golden_documents(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    type = name.partition(".")[0]
    for argv in ([str(path)], [type, str(path)]):
        done = run(oci_validate, *argv)
        assert (done.status, done.err) == (0, b"")
        assert done.documents == [result(type, path.read_bytes())]
    assert run(oci_validate, stdin=path.read_bytes()).documents == done.documents
    assert run(oci_validate, type, "-", stdin=path.read_bytes()).documents == done.documents
    assert run(oci_validate, "-", stdin=path.read_bytes()).documents == done.documents


@pytest.mark.parametrize("name", [None, *validate.TYPES])
@pytest.mark.parametrize(
    "data", [GOOD, BAD, b"{", b"[]", b'{"a":1,"a":1}', b"\xff", b"", b" \n", b"null", b'{"x":1e999}', b"\x1f\x8b"]
)
def test_results_keep_to_their_own_schema(name: str | None, data: bytes) -> None:
    done = run(oci_validate, *([name] if name else []), stdin=data)
    assert len(done.documents) == 1
    for document in done.documents:
        assert validate.violations("validation", document) == []
    assert (done.status == 0) == done.documents[0]["valid"]
    assert bool(done.errors) == (done.status == 1)


@pytest.mark.parametrize(
    ("data", "type", "violations"),
    [
        (BAD, "image-manifest", LACKS),
        (b"", None, [("", "is empty")]),
        (b"\n", None, [("", "is empty")]),
        (b"{", None, [("", "not JSON: expecting property name enclosed in double quotes at line 1, column 2")]),
        (b'{"a":1,"a":2}', None, [("", 'not JSON: key "a" stands twice in one object')]),
        (b"\xff", None, [("", "not UTF-8 at byte 0")]),
        (b"{}", None, [("", "is of no known type")]),
        (b"[]", None, [("", "is not a JSON object")]),
        (
            b'{"ociVersion":"1.2.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"pid"},{"type":"pid"}]}}',
            "runtime-config", [("/linux/namespaces/1/type", "names pid a second time")],
        ),
        (
            b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"history":[{}]}',
            "image-config", [("/history", "has 1 entries that made a layer, but there are 0 diff IDs")],
        ),
        (
            f'{{"mediaType":"a/b","digest":"{SHA}","size":2,"data":"e30="}}'.encode(), "descriptor",
            [("/data", f"has the digest {of_bytes(b'{}')}, not {SHA}")],
        ),
        (
            f'{{"schemaVersion":2,"layers":[],"manifests":[],"config":{{"digest":"{SHA}"}}}}'.encode(), "image-index",
            [("", "is a manifest and an index at once")],
        ),
    ],
)  # fmt: skip
def test_violations(data: bytes, type: str | None, violations: list[tuple[str, str]]) -> None:
    done = run(oci_validate, stdin=data)
    assert done.status == 1
    assert done.documents == [result(type, data, *violations)]
    pointer, message = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    (error,) = done.errors
    assert error["code"] == "INVALID"
    assert error["message"] == f"stdin: {pointer + ': ' if pointer else ''}{message}{more}"


def test_the_named_type_decides() -> None:
    done = run(oci_validate, "descriptor", stdin=GOOD)
    assert done.status == 1
    assert done.documents == [result("descriptor", GOOD, *[("", m) for _, m in LACKS])]


def test_many_documents() -> None:
    done = run(oci_validate, stdin=GOOD + b"\n" + BAD + b"\n\n" + GOOD + b'{"a":nothing}')
    assert done.status == 1
    assert done.documents == [
        result("image-layout", GOOD),
        result("image-manifest", BAD, *LACKS),
        result("image-layout", GOOD),
        result(None, b'{"a":nothing}', ("", "not JSON: expecting value at line 1, column 6")),
    ]
    assert [error["message"].partition(": ")[0] for error in done.errors] == [
        "stdin (document 2)",
        "stdin (document 4)",
    ]


def test_its_results_are_documents_too() -> None:
    first = run(oci_validate, stdin=GOOD + BAD)
    second = run(oci_validate, stdin=first.out)
    assert second.status == 0
    assert [one["type"] for one in second.documents] == ["validation", "validation"]


def test_a_file_with_the_name_of_a_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("image-layout").write_bytes(GOOD)
    assert run(oci_validate, "./image-layout").documents == [result("image-layout", GOOD)]
    assert run(oci_validate, "image-layout", "image-layout").documents == [result("image-layout", GOOD)]
    assert run(oci_validate, "image-layout", stdin=b"").documents[0]["violations"][0]["message"] == "is empty"


@pytest.mark.parametrize(
    ("argv", "status", "code", "message"),
    [
        (["nonsense", "x.json"], 2, "USAGE", "nonsense: is no document type (known are "),
        (["/nonexistent.json"], 1, "NOT_FOUND", "/nonexistent.json: no such file or directory"),
        (["descriptor", "/"], 1, "CONFLICT", "/: is a directory"),
        (["descriptor", "a", "b"], 2, "USAGE", "b: unexpected operand"),
    ],
)
def test_bad_command_lines(argv: list[str], status: int, code: str, message: str) -> None:
    done = run(oci_validate, *argv)
    assert (done.status, done.out) == (status, b"")
    (error,) = done.errors
    assert error["code"] == code
    assert error["message"].startswith(message)


def test_a_terminal_is_no_input() -> None:
    done = run(oci_validate, stdin=Stream(terminal=True))
    assert done.status == 2
    assert done.errors[0]["message"].startswith("stdin: is a terminal, and no file is named")


def test_input_without_end() -> None:
    done = run(oci_validate, "/dev/zero")
    assert (done.status, done.out) == (1, b"")
    assert done.errors[0]["message"] == "/dev/zero: is larger than 64 MiB (is this a JSON document?)"


def test_jsonschema_is_not_loaded_for_what_is_valid(programs: Path) -> None:
    """It takes longer than everything else together."""

    def loaded(data: bytes) -> tuple[int, bool]:
        argv = ["-IS", "-X", "importtime", str(programs / "oci-validate")]
        interpreter = (programs / "oci-validate").read_text().splitlines()[0].removeprefix("#!").split()[0]
        done = subprocess.run([interpreter, *argv], input=data, capture_output=True, check=False)
        return done.returncode, b"jsonschema" in done.stderr

    assert loaded(GOOD) == (0, False)
    assert loaded((GOLDEN / "runtime-config.json").read_bytes()) == (0, False)
    assert loaded(BAD) == (1, True)


def test_bytes_are_digested_as_they_came(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    data = b"\n " + json.dumps(json.loads(GOOD), indent=4).encode() + b"\r\n"
    path.write_bytes(data)
    assert run(oci_validate, str(path)).documents == [result("image-layout", data)]
