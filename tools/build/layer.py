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
from ..layers.pack import pack, pack_filled
from ..layers.pipe import hashed
from ..layers.unpack import unpack_blob
from .state import Layer, chained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from oci_spec.digest import Digest

    from ..layers.changed import Change
    from ..store.incoming import Incoming


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
    try:
        with Root.at(upper) as root:
            found = _noted(changes(root, lowers, machinery), told)
            first = next(found, None)
            if first is None:
                return None
            packed = pack(root, chain([first], found), latest=latest)
            return _adopted(
                incoming, upper, packed, lowers, parent, lambda: _make_like_unpacked(upper, lowers, told, latest)
            )
    except OSError as error:
        raise failed(subject, error) from None


def commit_filled(
    incoming: Incoming, directory: str, lowers: Sequence[str], parent: Digest | None, latest: int | None, subject: str
) -> Layer | None:
    """The same of a directory that we have filled ourselves (placing.py): nothing in it is overlayfs's, and no file
    is younger than `latest` already; only directories may be."""
    young: list[bytes] = []

    def settle() -> None:
        for path in young:
            os.utime(os.path.join(os.fsencode(directory), path), ns=(latest or 0, latest or 0))

    try:
        with Root.at(directory) as root:
            found = _noting_young(root, latest, young)
            first = next(found, None)
            if first is None:
                return None
            packed = pack_filled(chain([first], found), latest=latest)
            return _adopted(incoming, directory, packed, lowers, parent, settle)
    except OSError as error:
        raise failed(subject, error) from None


def _adopted(
    incoming: Incoming, directory: str, packed: Iterable[bytes], lowers: Sequence[str], parent: Digest | None,
    settle: Callable[[], None],
) -> Layer:  # fmt: skip
    """The layer of an archive, and the directory that it was packed of as its unpacked form, once `settle` has made
    that just what the archive says. Raises OSError."""
    state = digest.hasher()
    blob = incoming.ingest(compression.compress(hashed(packed, state), "gzip"), media_types.OCI_LAYER_GZIP)
    diff_id = digest.Digest(f"sha256:{state.hexdigest()}")
    made = Layer(blob, diff_id, chained(parent, diff_id))
    incoming.lease.add(made.chain_id)
    incoming.unpacking([made.chain_id])
    try:
        with incoming.store.layers.adding(made.chain_id) as place:
            if place is not None:
                settle()
                os.rename(directory, place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        unpack_blob(incoming.store, blob, diff_id, made.chain_id, lowers)  # layers/ is a file system of its own
    return made


def _noted(found: Iterable[Change], told: list[Change]) -> Iterator[Change]:
    for change in found:
        told.append(change)
        yield change


def _noting_young(
    root: Root, latest: int | None, young: list[bytes]
) -> Iterator[tuple[bytes, int, os.stat_result]]:
    for path, pin, found in root.walk(to_read=True):
        if path:
            if latest is not None and found.st_mtime_ns > latest:
                young.append(path)
            yield path, pin, found


def _make_like_unpacked(upper: str, lowers: Sequence[str], told: list[Change], latest: int | None) -> None:
    """Takes from the directory what the layer's blob does not have. Nobody else is at work in it any more."""
    present = {one.path: one for one in told if not (one.kind == "deleted" and one.hidden)}
    times = _prune(os.fsencode(upper), present)
    with Root.at(upper) as root:
        for path, change in present.items():
            if change.kind != "deleted":
                _settle(root, path, change.opaque, latest)
        if b"" not in present:
            _settle(root, b"", False, None)
    for path in sorted(times, reverse=True):
        _set_time(os.path.join(os.fsencode(upper), path), times[path], latest)
    if b"" not in present and lowers:
        found = os.stat(lowers[0])
        os.utime(upper, ns=(found.st_atime_ns, found.st_mtime_ns))


def _prune(upper: bytes, present: dict[bytes, Change]) -> dict[bytes, int]:
    """Removes what the layer has not: mount points, sockets, whiteouts that hide nothing. The time that each directory
    of the layer had before, in nanoseconds."""
    times: dict[bytes, int] = {}
    gone: list[bytes] = []
    waiting = [b""]
    while waiting:
        path = waiting.pop()
        place = os.path.join(upper, path)
        if path in present:
            times[path] = os.stat(place).st_mtime_ns
        with os.scandir(place) as entries:
            for one in entries:
                inner = path + b"/" + one.name if path else one.name
                is_directory = one.is_dir(follow_symlinks=False)
                if inner not in present or not (is_directory or _is_kept(one)):
                    gone.append(one.path)
                elif is_directory:
                    waiting.append(inner)
    for place in gone:
        remove_tree(os.fsdecode(place))
    return times


def _is_kept(entry: os.DirEntry[bytes]) -> bool:
    """Whether it is no socket: only what is neither a file nor a link is looked at."""
    return (
        entry.is_file(follow_symlinks=False)
        or entry.is_symlink()
        or not stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
    )


def _set_time(place: bytes, time: int, latest: int | None) -> None:
    time = time if latest is None else min(time, latest)
    if os.stat(place).st_mtime_ns != time:
        os.utime(place, ns=(time, time))


def _settle(root: Root, path: bytes, opaque: bool, latest: int | None) -> None:
    """Takes off what overlayfs has noted on a file for itself, and sees that it is not too young; the mark of an opaque
    directory stays where it hides something. A directory's time is set when all in it is as it will be."""
    pin = root.pin(path)
    try:
        place = beneath.place(pin)
        for name in os.listxattr(place):
            raw = os.fsencode(name)
            if raw.startswith(attributes.INTERNAL) and not (opaque and raw == whiteouts.XATTR):
                os.removexattr(place, name)
        found = os.fstat(pin)
        if latest is not None and found.st_mtime_ns > latest and not stat.S_ISDIR(found.st_mode):
            os.utime(place, ns=(latest, latest))
    finally:
        os.close(pin)
