"""Which store this is: a random id in the file `id`, made when it is first asked for. Plans name it."""

from __future__ import annotations

import os

from ..errors import Corrupt, NotFound
from ..host import files, locks
from .finding import finding, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store

_LENGTH = 32
_REMEDY = "store-check | img-pull --repair makes a new one"
_HEX = frozenset("0123456789abcdef")


def path(store: Store) -> str:
    return os.path.join(store.root, "id")


def known(store: Store) -> str:
    """The store's id; '' when it has none yet. Raises Corrupt for a file that holds something else."""
    try:
        text = files.read_limited(path(store), 1 << 10, sealed=True).decode("ascii", "replace").strip()
    except NotFound:
        return ""
    except Corrupt as error:
        raise Corrupt(error.subject, error.problem, _REMEDY) from None
    if len(text) != _LENGTH or not _HEX.issuperset(text):
        raise Corrupt(path(store), "is no store's id", _REMEDY)
    return text


def problems(store: Store) -> Iterator[Document]:
    """Whether the id can be read."""
    try:
        known(store)
    except Corrupt as error:
        yield finding("ID_DAMAGED", place("id", store.root, path(store)), error.problem)


def of(ctx: Context, store: Store) -> str:
    """The store's id, made now if it has none."""
    found = known(store)
    if found:
        return found
    with locks.locked(store.root):
        return known(store) or renew(ctx, store)


def renew(ctx: Context, store: Store) -> str:
    """Gives the store a new id: plans made before are for another store then."""
    made = ctx.random(_LENGTH // 2).hex()
    files.write_atomic(path(store), made.encode() + b"\n", sealed=True)
    return made


def mend(ctx: Context, store: Store) -> bool:
    """Gives the store a new id if its own can't be read."""
    with locks.locked(store.root):
        if not any(problems(store)):
            return False
        renew(ctx, store)
    return True
