"""In which fields two documents differ. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from oci_spec.jsondoc import Document

_NOTHING: Any = object()


def reason(field: str, before: object, after: object) -> Document:
    """A reason: what a field was, and what it is to be; None for nothing."""
    found: Document = {"field": field}
    if before is not None:
        found["from"] = before
    if after is not None:
        found["to"] = after
    return found


def differences(before: Any, after: Any, path: str) -> Iterator[Document]:
    """A reason for each field that is not the same, by its path: `environment.DEBUG`, `ports[0].published`. Of lists
    that are not equally long, and of what is of another kind, the whole differs. A null is told as such."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}.{key}" if path else key
            yield from differences(before.get(key, _NOTHING), after.get(key, _NOTHING), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif before is not after and before != after:
        sides = {"from": before, "to": after}
        yield {"field": path, **{side: value for side, value in sides.items() if value is not _NOTHING}}
