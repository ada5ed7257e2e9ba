"""A container's root for our own hands: read or written as its process sees it, whether it runs or not.

Of a running one it is the process's own root, with volumes, binds and tmpfs, and read-only where that is. For a stopped
one the same is mounted anew, in a mount namespace that is ours alone: no other process sees it, and however this
command ends, the kernel takes it down. To read, the container's files are a lower layer of that and nothing is locked;
to write, they are its upper directory and the container is locked.
"""

from __future__ import annotations

import os
import stat
import time

from ..errors import Conflict, NotFound, Unavailable
from ..host import beneath, locks, mounts
from ..host.beneath import Root
from ..layers import attributes
from ..layers.confine import Tree
from ..layers.extract import failed
from ..runtime import namespaces, root, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import ExitStack
    from typing import Any, TypeVar

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..runtime.userns import Maps
    from ..store.container import Container
    from ..store.store import Store

    Item = TypeVar("Item")

_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.02


class Inside:
    """`root` is closed with the stack. On the device `transient` is what a container has only while it runs (/proc, a
    tmpfs), empty and read-only here; None while it runs. `maps`: whose its owners are; None where they are as they are
    in the image."""

    __slots__ = ("maps", "root", "transient")

    def __init__(self, root: Root, transient: int | None = None, maps: Maps | None = None) -> None:
        self.root = root
        self.transient = transient
        self.maps = maps


def enter(ctx: Context, store: Store, container: Container, stack: ExitStack, *, write: bool = False) -> Inside:
    """The container's root with all that is mounted in it. Raises Conflict while another command changes the container,
    NotFound for a volume that is gone, Corrupt, Unavailable."""
    found = _of_process(ctx, container, stack)
    if found is None and write:
        found = _lock(ctx, store, container, stack)
    if found is not None:
        return Inside(found, maps=_maps(container))
    return _Mounting(ctx, store, container, write=write).all(stack)


def bare_root(ctx: Context, store: Store, container: Container, stack: ExitStack) -> Inside:
    """The container's root without anything mounted in it, to read. Raises Corrupt, Unavailable."""
    config = container.config()
    if own_root(container, config) and mounts.is_mounted(container.rootfs):
        maps = _maps(container) if _is_mapped(container) else None
        return Inside(stack.enter_context(Root.at(container.rootfs)), maps=maps)
    mounting = _Mounting(ctx, store, container, write=False)
    mounting.root()
    return Inside(stack.enter_context(Root.at(container.rootfs)))


def _maps(container: Container) -> Maps | None:
    """Those of the users of its own that it has; None where it has the host's."""
    if not container.record.get("users"):
        return None
    from ..runtime.userns import Maps

    return Maps.of_record(container.record)


def _is_mapped(container: Container) -> bool:
    """Whether its root is mounted for users of its own."""
    if not container.record.get("users"):
        return False
    from ..runtime import mapped

    return mapped.is_mapped(container)


def told(container: Container, found: Iterable[Item]) -> Iterator[Item]:
    """The same, read from the container's files; what the kernel refuses on the way is told as the container's."""
    try:
        yield from found
    except OSError as error:
        raise failed(container.name, error) from None


def layers(store: Store, container: Container) -> list[str]:
    """What the container stands on, topmost first: its image's layers, or the directory below its writable layer."""
    return root.layers(store, container.record)


def own_root(container: Container, config: Document) -> bool:
    """Whether the container's root is its own writable layer, and not a directory of the host's."""
    return os.path.normpath(root.place(container, config)) == container.rootfs


def _lock(ctx: Context, store: Store, container: Container, stack: ExitStack) -> Root | None:
    """Locks a container without a process; the root of its process if it has come to have one while we waited."""
    try:
        lock = os.open(container.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(container.name, "no such container", "ctr-ps -a lists them") from None
    stack.callback(os.close, lock)
    waited = 0.0
    while waited < _PATIENCE_SECONDS:
        if locks.take(lock) and not container.is_held("run.lock"):
            store.containers.load(container.id)  # by its place: one that is being removed has left it
            return None
        found = _of_process(ctx, store.containers.load(container.id), stack)
        if found is not None:
            return found
        time.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
    raise Conflict(container.name, "is being changed by another command", "try again when that is done")


def _of_process(ctx: Context, container: Container, stack: ExitStack) -> Root | None:
    """The root of the container's process, None when it has none. Its mounts stay while the stack is open, also when
    the process ends: what is written to a volume never lands beneath it."""
    pid = state.observe(container, ctx.run_root, ctx.env).pid
    if not pid:
        return None
    try:
        namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, namespace)
        found = stack.enter_context(Root(os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)))
    except (FileNotFoundError, ProcessLookupError):
        return None
    # So it was still that container's process.
    return found if state.observe(container, ctx.run_root, ctx.env).pid == pid else None


class _Mounting:
    """The mounts of a container that does not run, made anew for us. `scratch` is a file system in memory."""

    def __init__(self, ctx: Context, store: Store, container: Container, *, write: bool) -> None:
        self._ctx = ctx
        self._store = store
        self._container = container
        self._write = write
        self._config = container.config()
        self._label = str(container.record.get("mountLabel") or "")
        self._scratch = os.path.join(container.path, "work")

    def root(self) -> None:
        """The root alone, where the container's command would mount it. Raises Unavailable."""
        if "namespace" not in self._ctx.kept:  # only once: an earlier one would fall apart when it is left
            mounts.leave_host_namespace()
            self._ctx.kept["namespace"] = True
        lowers = layers(self._store, self._container)
        try:
            if not own_root(self._container, self._config):
                self._bind(root.place(self._container, self._config), self._container.rootfs)
                self._make_scratch()
            elif mounts.is_mounted(self._container.rootfs) and not self._had_mapped():  # left by a killed command
                self._make_scratch()
            elif self._write:
                root.mount(self._container, lowers, self._label)
                self._make_scratch()
            else:
                self._make_scratch()
                self._overlay(lowers)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise Unavailable(self._container.name, f"its root cannot be mounted: {why}", "see dmesg") from None

    def all(self, stack: ExitStack) -> Inside:
        """The root and all that is mounted in it. Raises Unavailable, and what taking volumes raises."""
        self.root()
        record: Any = self._container.record
        if record.get("imageMounts"):
            from . import given_images

            given_images.mount(self._store, self._container, self._label)
        if record.get("volumes"):
            from . import volumes

            volumes.take(self._ctx, self._store, self._container, created=False)
        if record.get("mappedBinds"):
            from . import users

            users.bind(self._container, None)
        read_only = []
        found: Any = self._config.get("mounts") or ()
        for number, one in enumerate(found):
            options, destination = set(one.get("options") or ()), str(one["destination"])
            source = self._source(number, one, options)
            try:
                self._mount(source or self._empty(number), destination)
            except OSError as error:
                why = os.strerror(error.errno or 0).lower()
                where = f"{self._container.name}:{destination}"
                raise Unavailable(where, f"{source or 'it'} cannot be mounted there: {why}") from None
            if not source or {"ro", "rro"} & options:
                read_only.append(destination)
        whole: Any = self._config.get("root") or {}
        for destination in [*read_only, *(["/"] if whole.get("readonly") else [])]:
            self._make_read_only(destination)
        return Inside(stack.enter_context(Root.at(self._container.rootfs)), os.stat(self._scratch).st_dev)

    def _source(self, number: int, mount: Any, options: set[str]) -> str:
        """What a mount shows that is there while the container does not run, '' when there is none."""
        if mount.get("type") != "bind" and not {"bind", "rbind"} & options:
            return ""
        source = os.path.join(self._container.path, str(mount["source"]))
        return "" if source == os.path.join(self._container.path, namespaces.SHM) else source

    def _empty(self, number: int) -> str:
        place = os.path.join(self._scratch, "transient", str(number))
        os.makedirs(place)
        return place

    def _had_mapped(self) -> bool:
        """Whether it was left as it is for users of its own; then that is gone, for us alone."""
        found = _is_mapped(self._container)
        if found:
            mounts.unmount_under(self._container.path)
        return found

    def _make_scratch(self) -> None:
        """Over the directory that overlayfs works in: it has been opened by now, if it is used."""
        mounts.mount("none", self._scratch, "tmpfs", "mode=755")

    def _overlay(self, lowers: list[str]) -> None:
        """A root whose changes are lost: what is missing of mount points can be made."""
        upper = os.path.join(self._container.path, "upper")
        above, work = os.path.join(self._scratch, "upper"), os.path.join(self._scratch, "work")
        os.mkdir(above)
        os.mkdir(work)
        found = os.stat(upper)
        fd = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            attributes.copy_to(fd, os.fsencode(upper), found, self._container.name)
            os.utime(fd, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(fd)
        links = os.path.join(self._scratch, "l")
        mounts.overlay([upper, *lowers], above, work, self._container.rootfs, links, self._label)

    def _mount(self, source: str, destination: str) -> None:
        """Binds `source` to what `destination` is in the root; it is made where it is missing."""
        path = os.fsencode(destination)
        found = os.stat(source)
        with Root.at(self._container.rootfs) as tree:
            try:
                pin = tree.pin(path, follow=True)
            except FileNotFoundError:
                self._make_point(path, stat.S_ISDIR(found.st_mode))
                pin = tree.pin(path, follow=True)
            try:
                self._bind(source, os.fsdecode(beneath.place(pin)))
            finally:
                os.close(pin)

    def _make_point(self, path: bytes, is_directory: bool) -> None:
        tree = Tree(self._container.rootfs, None, self._container.name)
        try:
            if is_directory:
                tree.directory(path)
                return
            above, _, name = path.rpartition(b"/")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(name, flags, 0o644, dir_fd=tree.directory(above).fd))
        finally:
            tree.close()

    def _bind(self, source: str, target: str) -> None:
        mounts.mount(source, target, "", flags=mounts.MS_BIND | mounts.MS_REC)

    def _make_read_only(self, destination: str) -> None:
        with Root.at(self._container.rootfs) as tree:
            pin = tree.pin(os.fsencode(destination), follow=True)
            try:
                flags = mounts.MS_REMOUNT | mounts.MS_BIND | mounts.MS_RDONLY
                mounts.mount("none", os.fsdecode(beneath.place(pin)), "", flags=flags)
            finally:
                os.close(pin)
