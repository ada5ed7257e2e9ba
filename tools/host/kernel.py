"""What this kernel can do, and what a directory lies on."""

from __future__ import annotations

import errno
import os

from . import libc

_NETLINK_NETFILTER, _NLM_REQUEST_ACK, _NLMSG_ERROR = 12, 5, 2
_NFT_GETGEN = 10 << 8 | 16
_X32_GETPID = 0x40000000 + 39


def release() -> str:
    """The kernel's release, like 6.1.0-18-amd64."""
    return os.uname().release


def boot() -> str:
    """The first eight digits of this boot's id."""
    with open("/proc/sys/kernel/random/boot_id", "rb", buffering=0) as file:
        return file.read(8).decode("ascii")


def has_filesystem(name: str) -> bool:
    """Whether the kernel has this kind of file system, or a module that brings it."""
    return name in _read("/proc/filesystems").split() or _has_module(f"{name}fs") or _has_module(name)


def has_seccomp() -> bool:
    """Whether system calls can be filtered."""
    return os.path.exists("/proc/sys/kernel/seccomp/actions_avail")


def has_x32() -> bool:
    """Whether programs may call this kernel by x32's numbers, which few kernels for x86_64 let them. It is asked,
    unless our own calls are filtered, as a filter may end who asks: then it may have them."""
    if os.uname().machine != "x86_64":
        return False
    if "\nSeccomp:\t0\n" not in _read("/proc/self/status"):
        return True
    try:
        libc.call("x32", "syscall", _X32_GETPID)
    except OSError:
        return False
    return True


def has_user_namespaces() -> bool:
    """Whether users of a container's own can be had, which an administrator may forbid."""
    limit = _read("/proc/sys/user/max_user_namespaces").strip() or "0"
    return os.path.exists("/proc/self/ns/user") and limit != "0"


def has_nftables() -> bool:
    """Whether the kernel has nftables: it is asked for the generation of its rules, which brings a module in. Without
    root it answers nobody, and what is loaded or installed must do."""
    import socket
    import struct

    request = struct.pack("=IHHIIBBH", 20, _NFT_GETGEN, _NLM_REQUEST_ACK, 1, 0, 0, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER) as link:
            link.settimeout(1)
            link.send(request)
            answer = link.recv(4096)
    except OSError:
        return False
    kind, code = struct.unpack_from("=H10xi", answer, 4)
    if kind == _NLMSG_ERROR and code == -errno.EPERM:
        return os.path.isdir("/sys/module/nf_tables") or _has_module("nf_tables")
    return bool(kind != _NLMSG_ERROR or code == 0)


def filesystem_of(path: str) -> str:
    """The kind of file system that `path`, or the nearest directory above it that exists, lies on; '' if unknown."""
    while not os.path.exists(path) and path != "/":
        path = os.path.dirname(path)
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in _read("/proc/self/mountinfo").splitlines():
        fields, _, kind = line.partition(" - ")
        if fields.split()[2] == wanted:
            return kind.split()[0]
    return ""


def _has_module(name: str) -> bool:
    base = f"/lib/modules/{release()}"
    wanted = (f"/{name}.ko", f"/{name.replace('_', '-')}.ko")
    return any(part in _read(f"{base}/{table}") for table in ("modules.dep", "modules.builtin") for part in wanted)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
