"""A container's root directory: mounted, unmounted, and looked into as its process will see it."""

from __future__ import annotations

import os
import stat

from oci_spec import digest

from ..errors import OcipipeError, Unavailable
from ..host import files, mounts, rooted
from .oci import RuntimeFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from ..store.store import Store
    from . import users

_LOOKUP_LIMIT = 4 << 20


def prepare(container: Container, lowers: list[str]) -> None:
    """Gives a new container's writable layer the attributes of the image's root, which overlayfs takes from there."""
    if lowers:
        upper, top = os.path.join(container.path, "upper"), os.stat(lowers[0])
        os.chown(upper, top.st_uid, top.st_gid)
        os.chmod(upper, stat.S_IMODE(top.st_mode))
        os.utime(upper, ns=(top.st_atime_ns, top.st_mtime_ns))


def mount(container: Container, lowers: list[str], label: str = "") -> None:
    """Mounts the root: the image's layers (topmost first) under a writable one of its own, which need not last where
    the container is removed at its end. `label` is SELinux's of all in it, '' for their own. Raises Unavailable."""
    upper = os.path.join(container.path, "upper")
    lowers = lowers or [empty(container)]
    try:
        mounts.overlay(
            lowers, upper, os.path.join(container.path, "work"), container.rootfs, os.path.join(container.path, "l"),
            label, volatile=bool(container.record["removedAtEnd"]),
        )  # fmt: skip
    except OSError as error:
        raise Unavailable(
            container.id[:12],
            f"its root cannot be mounted: {os.strerror(error.errno or 0).lower()}",
            "see dmesg; overlayfs is needed",
        ) from None


def mount_image(container: Container, number: int, lowers: list[str], label: str = "") -> None:
    """Mounts an image (its layers, topmost first) where the container's config takes it from, read only; `number` is
    its place among the images that are mounted in the container. Raises Unavailable."""
    target = image_place(container, number)
    os.makedirs(target, 0o700, exist_ok=True)
    if mounts.is_mounted(target):
        return
    try:
        # overlayfs wants two layers where nothing is written
        mounts.overlay([*lowers, *[empty(container)] * max(2 - len(lowers), 0)], "", "", target, f"{target}.l", label)
    except OSError as error:
        raise Unavailable(
            container.id[:12], f"an image cannot be mounted in it: {os.strerror(error.errno or 0).lower()}", "see dmesg"
        ) from None


def image_place(container: Container, number: int) -> str:
    """Where the image of this number among those that are mounted in the container is on the host."""
    from . import placement

    return os.path.join(container.path, placement.IMAGES, str(number))


def empty(container: Container) -> str:
    """A directory without anything in it, for a layer."""
    path = os.path.join(container.path, "empty")
    os.makedirs(path, exist_ok=True)
    return path


def unmount(container: Container) -> None:
    """Unmounts the root of a container that has ended and stays."""
    mounts.unmount_under(container.path)


def of_record(container: Container) -> str:
    """Where the root of a new container is on the host: its mount point, or the directory that it was made of."""
    found: Any = container.record.get("rootfs")
    return str(found["path"]) if found and not found["overlay"] else container.rootfs


def layers(store: Store, record: Document) -> list[str]:
    """What lies under the writable layer of a container with this record, topmost first: its image's layers, or the
    directory that it was made of; nothing where it has no such layer."""
    found: Any = record.get("rootfs")
    if found:
        return [found["path"]] if found["overlay"] else []
    chain_ids: Any = record["chainIds"]
    return image_layers(store, chain_ids)


def image_layers(store: Store, chain_ids: Iterable[str]) -> list[str]:
    """The directories of an image's layers, topmost first, of their chain IDs, lowest first."""
    return store.layers.lowers([digest.parse(one) for one in chain_ids])


def place(container: Container, config: Document) -> str:
    """The container's root directory on the host: ours, unless --config names another."""
    return os.path.join(container.path, str(config["root"]["path"]))  # type: ignore[index]


def look_up(rootfs: str, user: str, groups: Iterable[str] = ()) -> users.User:
    """The user that `user[:group]` stands for in this root, with these groups beside. Raises NotFound."""
    from . import users

    return users.resolve(user, read(rootfs, "/etc/passwd"), read(rootfs, "/etc/group"), groups)


def read(rootfs: str, path: str) -> str:
    """A small text file of the image; '' when there is none. Links in it never lead to the host."""
    place = rooted.resolve(rootfs, path)
    try:
        return files.read_limited(place, _LOOKUP_LIMIT, path).decode("utf-8", "replace")
    except OcipipeError:
        return ""


def make_working_directory(rootfs: str, cwd: str) -> None:
    """Docker makes it when the image lacks it, and so do we."""
    place = rooted.resolve(rootfs, cwd)
    missing = []
    while not os.path.isdir(place) and place != rootfs:
        missing.append(place)
        place = os.path.dirname(place)
    for directory in reversed(missing):
        try:
            os.mkdir(directory)
            os.chmod(directory, 0o755)  # whatever our umask is
        except OSError as error:
            raise RuntimeFailed(
                cwd, f"cannot be made the working directory: {os.strerror(error.errno or 0).lower()}"
            ) from None
