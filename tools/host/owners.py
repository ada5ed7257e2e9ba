"""Directories mounted with other owners: idmapped mounts (mount_setattr(2), MOUNT_ATTR_IDMAP), Linux 5.12 and later.

A map is lines of `STORED SEEN COUNT`, as in uid_map of user_namespaces(7): the owner STORED in the file system is seen
as SEEN there, and what SEEN makes is STORED. Owners that it does not name are seen as nobody and make nothing.
"""

from __future__ import annotations

import os
from sys import byteorder

_CLONE_NEWUSER = 0x10000000
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on every machine, as all newer system calls
_AT_FDCWD, _AT_EMPTY_PATH, _CLONE_TREE = -100, 0x1000, 1
_IDMAP = 0x00100000
_FROM_DESCRIPTOR = 4
ALL = "0 0 4294967295"


def mount(source: str, target: str, users: str, groups: str) -> None:
    """Mounts the directory or file `source` at `target`, which is there. Raises OSError: EINVAL where the file system
    cannot, ENOSYS where the kernel cannot, EPERM where somebody does not let us."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: object) -> int:
        found: int = libc.syscall(ctypes.c_long(number), *arguments)
        if found < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)
        return found

    namespace = _namespace(users, groups)
    try:
        tree = call(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), _CLONE_TREE | os.O_CLOEXEC)
        try:
            attributes = b"".join(one.to_bytes(8, byteorder) for one in (_IDMAP, 0, 0, namespace))
            call(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, attributes, ctypes.c_size_t(len(attributes)))
            call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _FROM_DESCRIPTOR)
        finally:
            os.close(tree)
    finally:
        os.close(namespace)


def _namespace(users: str, groups: str) -> int:
    """A descriptor of a user namespace with these maps, which no process is in. Raises OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    ready, tell = os.pipe()  # the child's: how unsharing went
    wait, go = os.pipe()  # closed by us: it may end
    child = os.fork()
    if not child:
        try:
            failed = libc.unshare(_CLONE_NEWUSER) and ctypes.get_errno()
            os.write(tell, bytes([failed]))
            os.close(go)
            os.read(wait, 1)
        finally:
            os._exit(0)
    try:
        os.close(tell)
        os.close(wait)
        number = os.read(ready, 1)
        if number != b"\0":
            raise OSError(number[0] if number else 0, os.strerror(number[0]) if number else "", "user namespace")
        for name, lines in (("uid_map", users), ("gid_map", groups)):
            with open(f"/proc/{child}/{name}", "wb", buffering=0) as file:
                file.write(lines.encode())
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready)
        os.close(go)
        os.waitpid(child, 0)
