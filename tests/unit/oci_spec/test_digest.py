"""Digests: form, algorithms, and the chain of layers (PITFALLS 8)."""

from __future__ import annotations

import hashlib

import pytest

from oci_spec import digest
from oci_spec.digest import Digest
from oci_spec.jsondoc import FormatError

A, B, C = (digest.parse("sha256:" + one * 64) for one in "abc")


@pytest.mark.parametrize("text", ["sha256:" + "0" * 64, "sha512:" + "f" * 128])
def test_good(text: str) -> None:
    found = digest.parse(text)
    assert found == text
    assert (found.algorithm, found.hex) == tuple(text.split(":"))
    assert found.short == text[7:19]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "unsupported digest ''"),
        ("sha256", "malformed digest"),
        ("sha256:", "malformed digest"),
        ("sha256:" + "0" * 63, "malformed digest"),
        ("sha256:" + "0" * 65, "malformed digest"),
        ("sha256:" + "0" * 64 + "\n", "malformed digest"),
        ("sha256:" + "A" * 64, "64 lower-case hex digits"),
        ("sha256:" + "g" * 64, "malformed digest"),
        ("sha512:" + "0" * 64, "sha512 takes 128"),
        ("sha256:../" + "0" * 61, "malformed digest"),
        ("SHA256:" + "0" * 64, "unsupported digest"),
        ("md5:" + "0" * 32, "sha256 and sha512 are supported"),
        ("sha256:" + "0" * 64 + ":x", "malformed digest"),
        ("0" * 64, "unsupported digest"),
        (None, "a digest is a string"),
        (7, "a digest is a string"),
    ],
)
def test_bad(text: object, problem: str) -> None:
    with pytest.raises(FormatError) as caught:
        digest.parse(text, "thing")
    assert caught.value.subject == "thing"
    assert problem in caught.value.problem


def test_of_bytes() -> None:
    assert digest.of_bytes(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest.of_bytes(b"x", "sha512") == "sha512:" + hashlib.sha512(b"x").hexdigest()
    assert isinstance(digest.of_bytes(b""), Digest)


def test_hasher_takes_parts() -> None:
    state = digest.hasher("sha512")
    for part in (b"ab", b"", b"c"):
        state.update(part)
    assert digest.of_bytes(b"abc", "sha512") == "sha512:" + state.hexdigest()


def test_chain_ids() -> None:
    """sha256 over the two strings with a blank between, prefixes and all, as config.md has it."""
    two = "sha256:" + hashlib.sha256(f"{A} {B}".encode()).hexdigest()
    three = "sha256:" + hashlib.sha256(f"{two} {C}".encode()).hexdigest()
    assert digest.chain_ids([]) == []
    assert digest.chain_ids([A]) == [A]
    assert digest.chain_ids([A, B, C]) == [A, two, three]
