"""oci-validate: whether documents keep to their specification."""

from __future__ import annotations

from oci_spec import digest, jsondoc, semantics, validate
from oci_spec.jsondoc import FormatError

from ..cli.declare import Command, Operand
from ..errors import Corrupt, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from ..cli.declare import Args
    from ..context import Context

LIMIT = 64 << 20
"""Bytes of input at most: no document of these types comes near."""

COMMAND = Command(
    "oci-validate",
    "check documents against their specification",
    description="Checks every document of the input, one or many, and prints for each its type, digest and size, and "
    "every violation with its JSON pointer. Without TYPE, the type is found by the document's fields. A FILE that has "
    f"the name of a type is given as ./NAME. Types: {', '.join(validate.TYPES)}.",
    operands=(
        Operand("TYPE", "type of the documents (default: found out)", required=False),
        Operand("FILE", "file to read (default, or -: stdin)", required=False),
    ),
    writes="validation",
    exits={1: "a document is not valid, or the input cannot be read"},
    examples=(
        ("img-inspect --manifest debian:bookworm | oci-validate", "check a stored manifest"),
        ("img-ls | oci-validate descriptor", "check every document of a stream"),
        ("img-inspect --config debian:bookworm >config.json; oci-validate config.json", "check a file"),
        ("img-inspect debian:bookworm | oci-validate | jq '.violations[]'", "list what is wrong, and nothing else"),
    ),
    see=("img-inspect",),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | FormatError]:
    """Checks the input."""
    name, path = _operands(args.type, args.file)
    if path in (None, "-"):
        subject = "stdin"
        if ctx.stdin.isatty():
            raise UsageError("stdin", "is a terminal, and no file is named", "name a file, or pipe documents in")
        data = _read(ctx.stdin, subject)
    else:
        subject = str(path)
        with open(subject, "rb", buffering=0) as file:
            data = _read(file, subject)
    for result, error in _results(name, data, subject):
        yield result
        if error is not None:
            yield error


def _operands(first: str | None, second: str | None) -> tuple[str | None, str | None]:
    """TYPE and FILE; one operand alone is a TYPE if there is such a type."""
    if first is None or first in validate.TYPES:
        return first, second
    if second is None:
        return None, first
    raise UsageError(first, "is no document type", f"known are {', '.join(validate.TYPES)}")


def _read(stream: BinaryIO, subject: str) -> bytes:
    data = bytearray()
    while chunk := stream.read(1 << 16):
        data += chunk
        if len(data) > LIMIT:
            raise Corrupt(subject, f"is larger than {LIMIT >> 20} MiB", "is this a JSON document?")
    return bytes(data)


def _results(name: str | None, data: bytes, subject: str) -> Iterator[tuple[dict[str, object], FormatError | None]]:
    """The result of each document in `data`, and the error that tells a person of it."""
    try:
        texts = jsondoc.split(data, subject)
    except FormatError:
        texts = [data]
    for number, text in enumerate(texts, 1):
        found_type, violations = _checked(name, text)
        result: dict[str, object] = {
            "type": found_type,
            "digest": digest.of_bytes(text),
            "size": len(text),
            "valid": not violations,
            "violations": [{"pointer": one.pointer, "message": one.message} for one in violations],
        }
        if not violations:
            yield result, None
            continue
        which = f"{subject} (document {number})" if len(texts) > 1 else subject
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        yield result, FormatError(which, violations[0].message + more, violations[0].pointer)


def _checked(name: str | None, text: bytes) -> tuple[str | None, list[validate.Violation]]:
    """The type that `text` was checked as, and what is wrong with it."""
    if not text.strip():
        return name, [validate.Violation("", "is empty")]
    try:
        value = jsondoc.loads(text)
    except FormatError as error:
        return name, [validate.Violation("", error.problem)]
    name = name or validate.detect(value)
    if name is None:
        problem = "is of no known type" if isinstance(value, dict) else "is not a JSON object"
        return None, [validate.Violation("", problem)]
    try:
        validate.check(name, value, "")
    except FormatError:
        return name, validate.violations(name, value)
    return name, list(semantics.violations(name, value))
