"""Platforms: normal forms, and what runs where (PITFALLS 18)."""

from __future__ import annotations

import pytest

from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/X86-64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/armv6l", "linux/arm/v6"),
        ("linux/armv7l", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/arm/5", "linux/arm/v5"),
        ("linux/i686", "linux/386"),
        ("linux/loongarch64", "linux/loong64"),
        ("linux/riscv64", "linux/riscv64"),
        ("linux/ppc64le/power9", "linux/ppc64le/power9"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    found = Platform.parse(text)
    assert str(found) == normal
    assert Platform.parse(normal) == found
    assert Platform.parse(found.document()) == found


BAD = ["", "linux", "linux/", "/amd64", "linux//v7", "a/b/c/d", "linux/amd 64", "linux/ämd64", "linux/amd64\n", 3, None]


@pytest.mark.parametrize("text", BAD)
def test_bad(text: object) -> None:
    with pytest.raises(FormatError, match="os/architecture"):
        Platform.parse(text)


def test_from_a_descriptor() -> None:
    document = {"os": "windows", "architecture": "amd64", "os.version": "10.0.20348", "os.features": ["win32k"]}
    found = Platform.parse(document)
    assert (found.os, found.architecture, found.variant, found.os_version) == ("windows", "amd64", "", "10.0.20348")
    assert found.document() == {"architecture": "amd64", "os": "windows", "os.version": "10.0.20348"}


@pytest.mark.parametrize(
    ("document", "known"),
    [
        ({"os": "unknown", "architecture": "unknown"}, False),
        ({"os": "linux", "architecture": "unknown"}, False),
        ({"os": "", "architecture": "amd64"}, False),
        ({"os": "linux", "architecture": "amd64"}, True),
    ],
)
def test_attestations_are_not_known(document: object, known: bool) -> None:
    assert Platform.parse(document).known is known


@pytest.mark.parametrize(
    ("host", "images"),
    [
        ("linux/amd64", ["linux/amd64"]),
        ("linux/amd64/v3", ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64"]),
        ("linux/arm/v7", ["linux/arm/v7", "linux/arm/v6", "linux/arm/v5"]),
        ("linux/arm/v6", ["linux/arm/v6", "linux/arm/v5"]),
        ("linux/arm64", ["linux/arm64"]),
        ("linux/arm64/v9", ["linux/arm64/v9", "linux/arm64"]),
        ("linux/ppc64le/power9", ["linux/ppc64le/power9", "linux/ppc64le"]),
        ("linux/ppc64le", ["linux/ppc64le"]),
        ("linux/s390x", ["linux/s390x"]),
    ],
)
def test_what_runs_and_what_is_preferred(host: str, images: list[str]) -> None:
    """`images` is everything that runs, the best first; nothing else does."""
    everything = {
        "linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/amd64/v4", "linux/arm/v5", "linux/arm/v6",
        "linux/arm/v7", "linux/arm64", "linux/arm64/v9", "linux/ppc64le", "linux/ppc64le/power8",
        "linux/ppc64le/power9", "linux/s390x",
        "windows/amd64", "unknown/unknown",
    }  # fmt: skip
    here = Platform.parse(host)
    score = {text: here.runs(Platform.parse(text)) for text in everything}
    assert sorted((text for text in everything if score[text]), key=lambda text: -score[text]) == images


def test_equality_is_of_the_normal_form() -> None:
    assert Platform("linux", "aarch64", "v8") == Platform("linux", "arm64")
    assert len({Platform("linux", "x86_64"), Platform("linux", "amd64", "v1")}) == 1
    assert Platform("linux", "arm", "v6") != Platform("linux", "arm", "v7")
