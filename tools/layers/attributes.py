"""Owners, modes, extended attributes and times of what a layer makes, and of what is copied up from a lower layer."""

from __future__ import annotations

import errno
import os
import stat

from oci_spec.tarfields import Damaged

from ..errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oci_spec.tarstream import Entry

INTERNAL = (b"trusted.overlay.", b"user.overlay.")
"""overlayfs's own marks: never taken from an archive or a lower layer, where they would hide or redirect files."""
HOST_ONLY = frozenset((b"security.selinux", b"system.nfs4_acl"))
"""Labels of the machine that made the archive; they mean nothing here (umoci leaves out the same two)."""
_ACL_DEFAULT = b"system.posix_acl_default"
_ACLS = (b"system.posix_acl_access", _ACL_DEFAULT)
_CAPABILITY = b"security.capability"
_PLAIN, _OF_ROOT = 20, 24
_REVISION_2, _REVISION_3 = 0x02000000, 0x03000000
"""Of security.capability: its lengths, and what its first word says (linux/capability.h)."""
_MAX_ID = (1 << 32) - 2
_TIME_LIMIT = (1 << 62) // 1_000_000_000 * 1_000_000_000


def is_carried(name: bytes) -> bool:
    """Whether an extended attribute of this name goes from an archive into the layer."""
    return not name.startswith(INTERNAL) and name not in HOST_ONLY


def check_owner(entry: Entry) -> None:
    """Raises Damaged for ids that no file can have."""
    if not (0 <= entry.uid <= _MAX_ID and 0 <= entry.gid <= _MAX_ID):
        raise Damaged("its owner is out of range")


def clamp(mtime: int) -> int:
    """A time in nanoseconds that utimensat(2) takes; the file system may limit it further."""
    return max(-_TIME_LIMIT, min(mtime, _TIME_LIMIT))


def umask() -> int:
    """This process's umask, read without setting it, which other threads would notice; all bits where it is hidden."""
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    return 0o777


def set_xattrs(
    target: int | str | bytes, xattrs: Mapping[bytes, bytes], subject: str, *, exact: bool = False
) -> None:
    """Sets what is carried over, on an open file or on a path that is not followed; when it is `exact`, overlayfs's
    marks too. Raises Unsupported, OSError."""
    for name, value in xattrs.items():
        if name in HOST_ONLY if exact else not is_carried(name):
            continue
        try:
            if isinstance(target, int):
                os.setxattr(target, name, value)
            else:
                os.setxattr(target, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOSPC, errno.E2BIG, errno.ERANGE):
                raise
            shown = name[:80].decode("utf-8", "backslashreplace")
            why = os.strerror(error.errno).lower()
            problem = f"the file system does not take its extended attribute {shown} ({len(value)} bytes): {why}"
            raise Unsupported(subject, problem, "put the store on another file system: ext4, xfs or btrfs") from None


def clear_xattrs(fd: int) -> None:
    """Removes what an archive's entry replaces; overlayfs's marks stay."""
    for name in os.listxattr(fd):
        raw = os.fsencode(name)
        if is_carried(raw):
            os.removexattr(fd, raw)


def inherits(fd: int, found: os.stat_result) -> bool:
    """Whether what is made in a directory gets its group (setgid) or its default ACL instead of ours."""
    if found.st_mode & stat.S_ISGID:
        return True
    try:
        os.getxattr(fd, _ACL_DEFAULT)
    except OSError:  # none, or a file system without ACLs
        return False
    return True


def drop_inherited(target: int | bytes) -> None:
    """Takes off a new entry the ACLs that its directory gave it."""
    for name in _ACLS:
        try:
            if isinstance(target, int):
                os.removexattr(target, name)
            else:
                os.removexattr(target, name, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.EOPNOTSUPP):
                raise


def at(dir_fd: int, name: bytes) -> bytes:
    """A path for the system calls that take no directory descriptor; its last part is not followed by `l…` calls."""
    return b"/proc/self/fd/%d/%s" % (dir_fd, name)


def copy_to(fd: int, source: bytes, found: os.stat_result, subject: str) -> None:
    """Gives the open file `fd` the owner, mode and extended attributes of `source`, which is not followed; no times."""
    os.fchown(fd, found.st_uid, found.st_gid)
    os.fchmod(fd, stat.S_IMODE(found.st_mode))
    set_xattrs(fd, read_xattrs(source), subject)


def own_capability(xattrs: dict[bytes, bytes], owners: Callable[[int, int], tuple[int, int]]) -> None:
    """Makes a file's capabilities those of the root of other owners, as `owners` gives them: what is for the first
    root there is (revision 2 of capabilities(7)), and what is for another's (revision 3, with its id)."""
    value = xattrs.get(_CAPABILITY)
    if value is None or len(value) not in (_PLAIN, _OF_ROOT):
        return
    root = int.from_bytes(value[_PLAIN:], "little")
    user = owners(root, 0)[0]
    revision = (int.from_bytes(value[:4], "little") & 0xFFFFFF) | (_REVISION_3 if user else _REVISION_2)
    tail = user.to_bytes(4, "little") if user else b""
    xattrs[_CAPABILITY] = revision.to_bytes(4, "little") + value[4:_PLAIN] + tail


def read_xattrs(source: bytes | int, *, follow: bool = False) -> dict[bytes, bytes]:
    """The extended attributes of `source`: not followed, but for an open file or a pin's place (host/beneath.py)."""
    found = os.listxattr(source, follow_symlinks=follow)
    return {os.fsencode(name): os.getxattr(source, name, follow_symlinks=follow) for name in found}
