"""Whether two unpacked layers are the same: entries, types, modes, owners, sizes, content, links, attributes, times.

The time of a directory is left out: one that no entry of the archive describes has the time at which it was unpacked.
So is that of a whiteout, and a security label, which is this machine's.
"""

from __future__ import annotations

import os
import stat

from . import attributes, whiteouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Watch = Callable[[int], object]
    """Told how many bytes were compared."""

_PIECE = 1 << 20


def differences(found: str, wanted: str, watch: Watch) -> Iterator[str]:
    """How the tree `found` differs from `wanted`, one line a path; `watch` is told how much content was compared.

    Raises OSError where `wanted` cannot be read; what of `found` cannot be read is a difference.
    """
    yield from _entry(os.fsencode(found), os.fsencode(wanted), b".", watch)


def _entry(found: bytes, wanted: bytes, path: bytes, watch: Watch) -> Iterator[str]:
    shown = path.removeprefix(b"./").decode("utf-8", "backslashreplace")
    there, due = os.lstat(found), os.lstat(wanted)
    if stat.S_IFMT(there.st_mode) != stat.S_IFMT(due.st_mode):
        yield f"{shown}: is a {_kind(there)}, not a {_kind(due)}"
        return
    try:
        problem = _attributes(there, due) or _xattrs(found, wanted) or _content(found, wanted, due, watch)
    except OSError as error:
        if error.filename == wanted:
            raise
        problem = f"cannot be read: {os.strerror(error.errno or 0).lower()}"
    if problem:
        yield f"{shown}: {problem}"
    if stat.S_ISDIR(due.st_mode):
        yield from _directory(found, wanted, path, watch)


def _directory(found: bytes, wanted: bytes, path: bytes, watch: Watch) -> Iterator[str]:
    there, due = set(os.listdir(found)), set(os.listdir(wanted))
    for name in sorted(there | due):
        inner = path + b"/" + name
        shown = inner.removeprefix(b"./").decode("utf-8", "backslashreplace")
        if name not in there:
            yield f"{shown}: is missing"
        elif name not in due:
            yield f"{shown}: does not belong there"
        else:
            yield from _entry(found + b"/" + name, wanted + b"/" + name, inner, watch)


def _kind(found: os.stat_result) -> str:
    kinds = {
        stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "symbolic link", stat.S_IFIFO: "fifo",
        stat.S_IFCHR: "character device", stat.S_IFBLK: "block device",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(found.st_mode), "socket")


def _attributes(there: os.stat_result, due: os.stat_result) -> str:
    if there.st_mode != due.st_mode:
        return f"its mode is {stat.S_IMODE(there.st_mode):04o}, not {stat.S_IMODE(due.st_mode):04o}"
    if (there.st_uid, there.st_gid) != (due.st_uid, due.st_gid):
        return f"its owner is {there.st_uid}:{there.st_gid}, not {due.st_uid}:{due.st_gid}"
    if there.st_rdev != due.st_rdev:
        return f"its device is {_device(there)}, not {_device(due)}"
    if stat.S_ISDIR(due.st_mode):
        return ""
    if there.st_size != due.st_size:
        return f"is {there.st_size} bytes long, not {due.st_size}"
    if there.st_nlink != due.st_nlink and not whiteouts.is_whiteout(due):  # overlayfs makes all of them one file
        return f"has {there.st_nlink} names, not {due.st_nlink}"
    if there.st_mtime_ns != due.st_mtime_ns and not whiteouts.is_whiteout(due):
        return "its time of change differs"
    return ""


def _device(found: os.stat_result) -> str:
    return f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"


def _xattrs(found: bytes, wanted: bytes) -> str:
    there, due = _read_xattrs(found), _read_xattrs(wanted)
    for name in sorted({*there, *due}):
        if there.get(name) != due.get(name):
            return f"its extended attribute {name.decode('utf-8', 'backslashreplace')} differs"
    return ""


def _read_xattrs(path: bytes) -> dict[bytes, bytes]:
    read = attributes.read_xattrs(path)
    return {name: value for name, value in read.items() if name != b"security.selinux"}


def _content(found: bytes, wanted: bytes, due: os.stat_result, watch: Watch) -> str:
    if stat.S_ISLNK(due.st_mode):
        return "" if os.readlink(found) == os.readlink(wanted) else "it leads somewhere else"
    if not stat.S_ISREG(due.st_mode):
        return ""
    with open(found, "rb", buffering=0) as there, open(wanted, "rb", buffering=0) as other:
        while True:
            piece = there.read(_PIECE)
            if piece != other.read(_PIECE):
                return "its content differs"
            if not piece:
                return ""
            watch(len(piece))
