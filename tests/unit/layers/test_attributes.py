"""layers/attributes: whose root a file's capabilities are for."""

from __future__ import annotations

import pytest
from rootfs import CAPABILITY

from ocipipe.layers.attributes import own_capability

NAME = b"security.capability"
OF_ROOT = b"\x01\0\0\x03" + CAPABILITY[4:] + (500000).to_bytes(4, "little")
"""The same as CAPABILITY for the root of other owners, revision 3 of capabilities(7)."""


def outside(user: int, group: int) -> tuple[int, int]:
    return user + 500000, group + 500000


def inside(user: int, group: int) -> tuple[int, int]:
    return user - 500000, group


@pytest.mark.parametrize(
    ("before", "owners", "after"),
    [
        (CAPABILITY, outside, OF_ROOT), (OF_ROOT, inside, CAPABILITY),
        (b"of no revision", outside, b"of no revision"), (b"", inside, b""),
    ],
)  # fmt: skip
def test_whose_capabilities(before: bytes, owners: object, after: bytes) -> None:
    found = {NAME: before, b"user.x": b"y"}
    own_capability(found, owners)  # type: ignore[arg-type]
    assert found == {NAME: after, b"user.x": b"y"}


def test_none() -> None:
    found = {b"user.x": b"y"}
    own_capability(found, outside)
    assert found == {b"user.x": b"y"}
