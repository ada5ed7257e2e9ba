"""Which hooks of a container are due, as its record has it (schema container-record, hooksDue): pre_start from when it
is made until that has been done, post_start from before its process begins until that has been done."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..store.container import Container

PRE_START, POST_START = "pre_start", "post_start"
FIELD = "hooksDue"


def of(container: Container) -> str:
    """PRE_START, POST_START, or '' for none."""
    return str(container.record.get(FIELD) or "")


def note(container: Container, which: str) -> None:
    """Notes it of a container whose lock is ours, durably."""
    if of(container) != which:
        container.update(**{FIELD: which})
