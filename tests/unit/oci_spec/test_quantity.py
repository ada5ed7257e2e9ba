"""Sizes and spans of time as people write them."""

from __future__ import annotations

import pytest

from oci_spec import quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0), ("65536", 65536), ("1b", 1), ("512k", 512 << 10), ("64m", 64 << 20), ("64M", 64 << 20),
        ("64mb", 64 << 20), ("64MiB", 64 << 20), ("1.5g", 3 << 29), ("0.1g", (1 << 30) // 10), ("1t", 1 << 40),
        (".5k", 512), ("1.k", 1024), ("-1", -1),
        ("", None), ("k", None), ("b", None), ("ib", None), ("1ib", None), ("-2", None), ("1x", None), ("1.2.3", None),
        ("1_0", None), ("1 k", None), ("１", None), ("0x10", None), ("+1", None), ("1kk", None), ("1e3", None),
    ],
)  # fmt: skip
def test_size(text: str, expected: int | None) -> None:
    assert quantity.size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0), ("90s", 90), ("10m", 600), ("1m30s", 90), ("1h30m", 5400), ("7d", 604800), ("2w", 1209600),
        ("45", 45), ("0", 0), ("1.5h", 5400), ("500ms", 0.5), ("1.5s", 1.5), ("1us", 1e-6), ("1µs", 1e-6),
        ("1s500ms", 1.5), (".5s", 0.5), ("1.s", 1), ("250000ns", 0.00025), ("1h1ms", 3600.001),
        ("", None), ("m", None), ("1.5", None), ("1x", None), ("-1s", None), ("1 h", None), ("1.2.3h", None),
        (".", None), (".s", None), ("1h30", None), ("١s", None), ("1S", None), ("1s ", None), ("9" * 30, None),
        ("9" * 30 + "s", None), ("1e3s", None), ("s1", None), ("1sm", None),
    ],
)  # fmt: skip
def test_seconds(text: str, expected: float | None) -> None:
    assert quantity.seconds(text) == expected


@pytest.mark.parametrize(("number", "kind"), [(0, int), (10**9, int), (5 * 10**8, float)])
def test_whole_seconds_are_whole_numbers(number: int, kind: type) -> None:
    assert type(quantity.of_nanoseconds(number)) is kind
