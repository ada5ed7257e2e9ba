"""What this installation is, where it keeps what, and what the host has for it, and lacks."""

from __future__ import annotations

import os

from .. import __version__
from ..errors import OcipipeError
from ..host import cgroups, kernel, machine, process
from ..network import names
from ..runtime import oci, request
from . import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store

_RUNTIMES = ("crun", "runc")
_WANTED = ("cpu", "cpuset", "memory", "pids")
"""The cgroup controllers that ctr-run's limits need."""
_NO_UPPER = frozenset(("overlay", "nfs", "nfs4", "vfat", "fuse", "9p"))
"""File systems on which overlayfs can keep no writable layer."""


def info(ctx: Context, store: Store) -> Document:
    """One document (schema `store-info`)."""
    return {
        "version": __version__,
        "root": store.root,
        "runRoot": ctx.run_root,
        "store": _store(store),
        "host": {
            "platform": machine.platform().document(),
            "kernel": kernel.release(),
            "user": ctx.user,
        },
        "runtimes": list(_runtimes(ctx)),
        "cgroups": {
            "version": cgroups.version(),
            "driver": "systemd" if cgroups.version() == 2 and cgroups.has_systemd() else "cgroupfs",
            "controllers": sorted(cgroups.controllers()),
        },
        "features": {
            "overlayfs": kernel.has_filesystem("overlay"),
            "seccomp": kernel.has_seccomp(),
            "userNamespaces": kernel.has_user_namespaces(),
            "nftables": kernel.has_nftables(),
        },
        "lacks": list(_lacks(ctx, store)),
    }


def _store(store: Store) -> Document:
    there = store.root
    while not os.path.exists(there):
        there = os.path.dirname(there)
    disk = os.statvfs(there)
    try:
        known = identity.known(store)
    except (OcipipeError, OSError):
        known = ""  # not for this user to read, or damaged: store-check tells
    return {
        "id": known,
        "exists": os.path.isdir(store.images),
        "fileSystem": kernel.filesystem_of(store.root),
        "bytes": disk.f_blocks * disk.f_frsize,
        "free": disk.f_bavail * disk.f_frsize,
    }


def _runtimes(ctx: Context) -> Iterator[Document]:
    try:
        chosen = oci.choose(None, ctx.run_root, ctx.env).path
    except OcipipeError:
        chosen = ""
    for name in _RUNTIMES:
        path = process.find(name, ctx.env.get("PATH", ""))
        if path is not None:
            yield {"name": name, "path": path, "version": _version(path, ctx), "default": path == chosen}


def _version(path: str, ctx: Context) -> str:
    """`1.1.5` of a first line like `runc version 1.1.5`; '' of a program that does not tell."""
    result = process.run([path, "--version"], env=ctx.env)
    line = result.stdout.decode("utf-8", "replace").partition("\n")[0]
    return line.rpartition(" ")[2] if not result.status else ""


def _lacks(ctx: Context, store: Store) -> Iterator[Document]:
    try:
        oci.choose(None, ctx.run_root, ctx.env)
    except OcipipeError as error:
        yield _lack("OCI runtime", "ctr-run", error.remedy)
    if not kernel.has_filesystem("overlay"):
        yield _lack("overlayfs", "ctr-run", "load the kernel module overlay, or use a kernel that has it")
    if kernel.filesystem_of(store.root) in _NO_UPPER:
        yield _lack("a file system for writable layers", "ctr-run", "keep the store on ext4, xfs or btrfs with --root")
    if not kernel.has_seccomp():
        yield _lack("seccomp", "ctr-run's filter of system calls", "use a kernel with CONFIG_SECCOMP_FILTER")
    if not cgroups.version():
        yield _lack("cgroups", "ctr-run's limits", "mount cgroup2 on /sys/fs/cgroup")
    for name in _WANTED if cgroups.version() else ():
        if name not in cgroups.controllers():
            yield _lack(f"cgroup controller {name}", "ctr-run's limits", f"enable {name} in the root cgroup")
    if request.find_init(ctx.env) is None:
        yield _lack("an init program", "ctr-run --init", "install the package tini or catatonit")
    yield from _network_lacks(ctx)
    if ctx.user:
        yield _lack("root", "ctr-run, and unpacking layers", "run as root; img-pull --no-unpack needs none")


def _network_lacks(ctx: Context) -> Iterator[Document]:
    if process.find("nft", ctx.env.get("PATH", "")) is None:
        yield _lack("nft", "containers' networks", "install the package nftables")
    try:
        names.program(ctx.env)
    except OcipipeError as error:
        yield _lack(error.subject, "names of containers on networks", error.remedy)
    if not kernel.has_nftables():
        yield _lack("nftables", "containers' networks", "use a kernel with CONFIG_NF_TABLES, or load nf_tables")


def _lack(part: str, needed_for: str, remedy: str) -> Document:
    return {"part": part, "for": needed_for, "remedy": remedy}
