"""What is wrong with a store: a walk over all of it that changes nothing and yields findings.

Other commands work meanwhile, and none of them waits for the walk. What it looks at, it holds a lease of, as any
command does, so nothing of that is collected under its eyes; what they are about to write is looked for before their
leases are read, and their leases before the index, so what one of them brings is never taken for garbage.
"""

from __future__ import annotations

import errno
import os

from ..host import files
from ..store.container import stood_on
from . import boxes, builds, content, identity, index, layers, leftovers, volumes
from .content import Expected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.leases import Lease
    from ..store.store import Store

FAST, FULL, DEEP = "fast", "full", "deep"


def check(ctx: Context, store: Store, depth: str = FULL) -> Iterator[Document]:
    """Every finding: what the layout and its index are, blobs, layers, containers, leftovers, in this order, so that
    mending them one after another works.

    `fast` looks at names, sizes and structure, and reads documents only; `full` hashes every blob; `deep` also
    compares each unpacked layer with its blob, which takes root and room for one layer.
    """
    if not os.path.isdir(store.root):
        return
    lease = _held(store)
    try:
        yield from _findings(ctx, store, depth, lease)
    finally:
        if lease is not None:
            lease.__exit__(None, None, None)


def _held(store: Store) -> Lease | None:
    """A lease; None on a disk that is read-only, where nobody can collect anything."""
    try:
        files.make_directories(os.path.join(store.root, "leases"), 0o700)
        return store.leases.hold(only_looking=True).__enter__()
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return None


def _findings(ctx: Context, store: Store, depth: str, lease: Lease | None) -> Iterator[Document]:
    blobs, unpacked = list(content.blobs(store)), list(layers.layers(store))
    leased = leftovers.leased(store)
    built_blobs, built_layers = store.builds.needed()
    entries, wrong_index = index.read(store)
    expected = Expected(store, entries)
    if lease is not None:
        lease.add(*expected.reach.blobs, *expected.reach.layers)
        before = entries
        entries, wrong_index = index.read(store)  # what went before we held it is no loss
        if entries != before or expected.reach.unread:
            expected = Expected(store, entries)
            lease.add(*expected.reach.blobs, *expected.reach.layers)
    if wrong_index is not None:
        yield wrong_index
    else:
        yield from index.spare(store, entries)
    yield from index.layout(store)
    yield from index.duplicates(store, entries)
    broken = set()
    for found in content.damaged(store, expected, ctx.progress, sizes_only=depth == FAST):
        broken.add(str(found["object"]["digest"]))  # type: ignore[index]
        yield found
    records, wrong_records = boxes.records(store)
    used = {chain_id for record in records for chain_id in stood_on(record)}
    # While a document can't be read, what it names is not known, and so is what nothing needs.
    known = wrong_index is None and not expected.reach.unread
    yield from identity.problems(store)
    if known:
        needed = {*expected.reach.blobs, *leased, *built_blobs}
        yield from content.unneeded(store, blobs, needed, sizes_only=depth == FAST)
    needed_layers = {*expected.reach.layers, *leased, *used, *built_layers} if known and not wrong_records else None
    yield from builds.problems(store, expected.reach.blobs, sizes_only=depth == FAST)
    yield from layers.problems(store, expected, unpacked, needed_layers)
    yield from layers.missing(store, expected, records)
    if depth == DEEP:
        yield from layers.compared(store, expected, broken, ctx.progress)
    yield from wrong_records
    yield from boxes.problems(store, records)
    yield from volumes.problems(store, records, known=not wrong_records)
    yield from leftovers.problems(store, ctx.now())
