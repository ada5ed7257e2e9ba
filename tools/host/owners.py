"""Directories mounted with other owners: idmapped mounts (mount_setattr(2), MOUNT_ATTR_IDMAP), Linux 5.12 and later;
and the user namespaces that say whose they are seen to be.

A map is lines of `STORED SEEN COUNT`, as in uid_map of user_namespaces(7): the owner STORED in the file system is seen
as SEEN there, and what SEEN makes is STORED. Owners that it does not name are seen as nobody and make nothing.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from sys import byteorder

from . import libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on every machine, as all newer system calls
_AT_FDCWD, _AT_EMPTY_PATH, _CLONE_TREE = -100, 0x1000, 1
_IDMAP, _PRIVATE = 0x00100000, 1 << 18
_FROM_DESCRIPTOR = 4
_GET_SECUREBITS, _SET_SECUREBITS, _NO_SETUID_FIXUP = 27, 28, 4
ALL = "0 0 4294967295"
_alone = allocate_lock()


def mount(source: str, target: str, users: str, groups: str) -> None:
    """Mounts the directory or file `source` at `target`, which is there. Raises OSError: EINVAL where the file system
    cannot, ENOSYS where the kernel cannot, EPERM where somebody does not let us."""
    namespace, _ = namespaces(users, groups)
    try:
        mount_as(source, target, namespace)
    finally:
        os.close(namespace)


def mount_as(source: str, target: str, namespace: int) -> None:
    """The same, with the maps of the user namespace that a descriptor is of. Raises OSError."""
    import ctypes

    lib = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: object) -> int:
        found: int = lib.syscall(ctypes.c_long(number), *arguments)
        if found < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)
        return found

    tree = call(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), _CLONE_TREE | os.O_CLOEXEC)
    try:
        # Private: as a peer of where it is from (systemd makes all mounts shared), it would have what is mounted there
        # later too, and take that away with itself.
        attributes = b"".join(one.to_bytes(8, byteorder) for one in (_IDMAP, 0, _PRIVATE, namespace))
        call(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, attributes, ctypes.c_size_t(len(attributes)))
        call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), _FROM_DESCRIPTOR)
    finally:
        os.close(tree)


def namespaces(users: str, groups: str, *, joined: str = "", network: bool = False) -> tuple[int, int]:
    """Descriptors of a user namespace with these maps, which no process is in, and, with `network`, of a network
    namespace that belongs to it, else -1. With `joined`, the path of one, that user namespace is taken, and no maps.
    Raises OSError."""
    with _alone:  # a child of another thread would have our ends of the pipes, and ours would wait for it
        return _namespaces(users, groups, joined, network)


def _namespaces(users: str, groups: str, joined: str, network: bool) -> tuple[int, int]:
    import ctypes

    lib = ctypes.CDLL(None, use_errno=True)
    there = os.open(joined, os.O_RDONLY | os.O_CLOEXEC) if joined else -1
    ready, tell = os.pipe()  # the child's: how unsharing went
    wait, go = os.pipe()  # closed by us: it may end
    child = os.fork()
    if not child:
        failed = 255
        try:
            kinds = _CLONE_NEWNET if network else 0
            made = lib.setns(there, _CLONE_NEWUSER) if joined else 0
            made = made or lib.unshare(kinds if joined else kinds | _CLONE_NEWUSER)
            failed = made and ctypes.get_errno()
        finally:
            os.write(tell, bytes([failed]))
            os.close(go)
            os.read(wait, 1)
            os._exit(0)
    try:
        os.close(tell)
        os.close(wait)
        if there >= 0:
            os.close(there)
        number = os.read(ready, 1)
        if number != b"\0":
            raise OSError(number[0] if number else 0, os.strerror(number[0]) if number else "", "user namespace")
        if not joined:
            for name, lines in (("uid_map", users), ("gid_map", groups)):
                with open(f"/proc/{child}/{name}", "wb", buffering=0) as file:
                    file.write(lines.encode())
        found = os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        return found, os.open(f"/proc/{child}/ns/net", os.O_RDONLY | os.O_CLOEXEC) if network else -1
    finally:
        os.close(ready)
        os.close(go)
        os.waitpid(child, 0)


class acting_as:
    """Within the `with` block, what this thread makes in file systems belongs to these ids, and it has every
    capability that it had (setfsuid(2), capabilities(7)): what is mounted for others' ids only takes nothing of
    root's."""

    __slots__ = ("_bits", "_group", "_user")

    def __init__(self, user: int, group: int) -> None:
        self._user = user
        self._group = group

    def __enter__(self) -> None:
        self._bits = libc.call("securebits", "prctl", _GET_SECUREBITS, 0, 0, 0, 0)
        libc.call("securebits", "prctl", _SET_SECUREBITS, self._bits | _NO_SETUID_FIXUP, 0, 0, 0)
        self._group = _set("setfsgid", self._group)
        self._user = _set("setfsuid", self._user)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _set("setfsuid", self._user)
        _set("setfsgid", self._group)
        libc.call("securebits", "prctl", _SET_SECUREBITS, self._bits, 0, 0, 0)


def _set(name: str, number: int) -> int:
    """What it was before, which these calls return, as a C int."""
    signed = number - (1 << 32) if number >= 1 << 31 else number
    try:
        return libc.call(name, name, signed)
    except OSError:  # not of the kernel: -1 is a number too, and nobody's
        return -1
