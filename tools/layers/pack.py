"""The upper directory of an overlay as a layer's archive (image-spec 1.1.1, layer.md, Creating).

The same directory makes the same bytes: members in the order of `changes`, and nothing from the clock or the host but
the files' own owners, modes, times and attributes. overlayfs's marks become whiteouts; its own attributes are left
out, security.capability and all others are kept.
"""

from __future__ import annotations

import os

from oci_spec import tarwriter
from oci_spec.tarstream import Entry

from ..errors import Unsupported
from ..host import beneath
from . import whiteouts
from .members import Members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..host.beneath import Root
    from .changed import Change

_FILE = ord("0")


def pack(upper: Root, changes: Iterable[Change], *, latest: int | None = None) -> Iterator[bytes]:
    """The archive of these changes in the directory `upper`, to its end marker. With `latest`, nanoseconds since the
    epoch, no member is younger than that.

    A socket is left out, and what has gone since it was found. Raises Unsupported for a name that a layer cannot have,
    Conflict for a file that becomes shorter meanwhile, OSError.
    """
    members = Members(latest=latest)
    for change in changes:
        if change.kind != "deleted":
            yield from _present(upper, change, members)
        elif not change.hidden:
            above, slash, name = change.path.rpartition(b"/")
            yield tarwriter.header(_whiteout(above + slash + whiteouts.PREFIX + name))
    yield tarwriter.END


def pack_filled(items: Iterable[tuple[bytes, int, os.stat_result]], *, latest: int | None = None) -> Iterator[bytes]:
    """The same of files that we have put into a directory ourselves, by their paths (Root.walk)."""
    members = Members(latest=latest)
    for path, pin, found in items:
        _check(path)
        yield from members.tar(path, pin, found)
    yield tarwriter.END


def _check(path: bytes) -> None:
    if path.rpartition(b"/")[2].startswith(whiteouts.PREFIX):
        raise Unsupported(
            "/" + path.decode("utf-8", "backslashreplace"),
            "its name would delete a file in a layer",
            "remove it, or give it another name",
        )


def _present(upper: Root, change: Change, members: Members) -> Iterator[bytes]:
    _check(change.path)
    try:
        pin = upper.step(change.path)
    except OSError as error:
        if error.errno in beneath.GONE:
            return
        raise
    try:
        found = os.fstat(pin)
        if not whiteouts.is_whiteout(found):  # deleted since
            yield from members.tar(change.path or b".", pin, found)
            if change.opaque:
                yield tarwriter.header(_whiteout(change.path + b"/" + whiteouts.OPAQUE))
    finally:
        os.close(pin)


def _whiteout(name: bytes) -> Entry:
    return Entry(name, _FILE, 0o600, 0, 0, 0, 0)
