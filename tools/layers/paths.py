"""The paths that an archive's entries say they have."""

from __future__ import annotations

from oci_spec.tarfields import Damaged

_LIMIT = 4095


def clean(name: bytes) -> list[bytes]:
    """A path's parts beneath the root: an absolute one starts there; `..` is taken literally, and must stay inside.
    Raises Damaged."""
    if len(name) > _LIMIT:
        raise Damaged(f"its path is longer than {_LIMIT} bytes")
    if b"\0" in name:
        raise Damaged("its path holds a zero byte")
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                raise Damaged("its path leaves its root")
            parts.pop()
        elif part and part != b".":
            parts.append(part)
    return parts


def shown(name: bytes) -> str:
    """As much of a path as a message needs."""
    return name[:200].decode("utf-8", "backslashreplace")
