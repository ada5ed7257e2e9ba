"""A directory that overlayfs or a COPY has filled over some layers, as a layer of the store.

It is read once: packed, hashed, compressed, hashed and stored in one pass. Then it becomes the unpacked layer itself,
by a rename, once it is just what unpacking the blob would give: without what is not in the blob, without overlayfs's
own attributes, and no file younger than the blob says.
"""

from __future__ import annotations

import errno
import os
import stat
from itertools import chain

from oci_spec import digest, media_types

from ..host import beneath
from ..host.beneath import Root
from ..host.trees import remove_tree
from ..layers import attributes, compression, whiteouts
from ..layers.changed import changes
from ..layers.extract import failed
from ..layers.pack import pack
from ..layers.pipe import hashed
from ..layers.unpack import unpack_blob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from oci_spec.descriptor import Descriptor
    from oci_spec.digest import Digest

    from ..layers.changed import Change
    from ..store.incoming import Incoming


class Layer:
    """A layer of the store: its blob, its diff ID, and the chain ID of it on those beneath."""

    __slots__ = ("chain_id", "descriptor", "diff_id")

    def __init__(self, descriptor: Descriptor, diff_id: Digest, chain_id: Digest) -> None:
        self.descriptor = descriptor
        self.diff_id = diff_id
        self.chain_id = chain_id


def chained(parent: Digest | None, diff_id: Digest) -> Digest:
    """The chain ID of a layer on those whose chain ID is `parent`."""
    return diff_id if parent is None else digest.Digest(digest.of_bytes(f"{parent} {diff_id}".encode()))


def commit(
    incoming: Incoming, upper: str, lowers: Sequence[str], parent: Digest | None, machinery: Collection[bytes],
    latest: int | None, subject: str,
) -> Layer | None:  # fmt: skip
    """The layer of what the directory `upper` changes of the layers `lowers` (topmost first), whose chain ID is
    `parent`; None when it changes nothing. `upper` is gone then, or half of what it was.

    `machinery` are paths that do not belong to it (see layers.changed); `latest`: no file is younger, in nanoseconds.
    Raises Unsupported, Unavailable.
    """
    told: list[Change] = []
    state = digest.hasher()
    try:
        with Root.at(upper) as root:
            found = _noted(changes(root, lowers, machinery), told)
            first = next(found, None)
            if first is None:
                return None
            packed = hashed(pack(root, chain([first], found), latest=latest), state)
            blob = incoming.ingest(compression.compress(packed, "gzip"), media_types.OCI_LAYER_GZIP)
        diff_id = digest.Digest(f"sha256:{state.hexdigest()}")
        made = Layer(blob, diff_id, chained(parent, diff_id))
        incoming.lease.add(made.chain_id)
        incoming.unpacking([made.chain_id])
        with incoming.store.layers.adding(made.chain_id) as directory:
            if directory is not None:
                _make_like_unpacked(upper, lowers, told, latest)
                os.rename(upper, directory)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise failed(subject, error) from None
        unpack_blob(incoming.store, blob, diff_id, made.chain_id, lowers)  # layers/ is a file system of its own
    return made


def _noted(found: Iterable[Change], told: list[Change]) -> Iterator[Change]:
    for change in found:
        told.append(change)
        yield change


def _make_like_unpacked(upper: str, lowers: Sequence[str], told: list[Change], latest: int | None) -> None:
    """Takes from the directory what the layer's blob does not have."""
    with Root.at(upper) as root:
        present = {one.path: one for one in told if not (one.kind == "deleted" and one.hidden)}
        times = _times(root, present)
        _prune(upper, root, present)
        root_told = b"" in present
        for path, change in present.items():
            if change.kind != "deleted":
                _strip(root, path, change.opaque)
        for path in sorted(times, reverse=True):
            time = times[path] if latest is None else min(times[path], latest)
            pin = root.pin(path)
            try:
                os.utime(beneath.place(pin), ns=(time, time))
            finally:
                os.close(pin)
        if not root_told:
            _strip(root, b"", False)
            if lowers:
                found = os.stat(lowers[0])
                os.utime(upper, ns=(found.st_atime_ns, found.st_mtime_ns))


def _times(root: Root, present: dict[bytes, Change]) -> dict[bytes, int]:
    """The time of every file and directory, in nanoseconds, before anything in it goes."""
    found: dict[bytes, int] = {}
    for path, change in present.items():
        if change.kind != "deleted":
            pin = root.pin(path)
            try:
                found[path] = os.fstat(pin).st_mtime_ns
            finally:
                os.close(pin)
    return found


def _prune(upper: str, root: Root, present: dict[bytes, Change]) -> None:
    """Removes what the layer has not: mount points, sockets, whiteouts that hide nothing."""
    gone: list[bytes] = []
    for path, pin, found in root.walk():
        if any(path == one or path.startswith(one + b"/") for one in gone[-1:]):
            continue
        if path and (path not in present or stat.S_ISSOCK(found.st_mode)):
            gone.append(path)
        del pin
    for path in gone:
        remove_tree(os.path.join(upper, os.fsdecode(path)))


def _strip(root: Root, path: bytes, opaque: bool) -> None:
    """Takes off what overlayfs has noted on a file for itself; the mark of an opaque directory stays where it hides
    something."""
    pin = root.pin(path)
    try:
        place = beneath.place(pin)
        for name in os.listxattr(place):
            raw = os.fsencode(name)
            if raw.startswith(attributes.INTERNAL) and not (opaque and raw == whiteouts.XATTR):
                os.removexattr(place, name)
    finally:
        os.close(pin)
