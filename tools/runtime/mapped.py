"""A container's root as it is for users of its own: its layers seen with their ids, and stored with the image's.

The layers and the directory of the writable one are mounted once more with other owners (idmapped, host/owners.py), and
the overlay of those is the root. Those mounts are needed for that moment only: overlayfs has its own of each.
"""

from __future__ import annotations

import errno
import os

from ..errors import Unavailable, Unsupported
from ..host import mounts, owners
from . import root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..store.container import Container
    from .userns import Maps

_PLACE = "mapped"
"""In the container's directory: where its layers are mounted for a moment."""
_OWN = "own"
_WHY = {
    errno.EINVAL: "its file system has no mounts with other owners (idmapped)",
    errno.ENOSYS: "the kernel has no mounts with other owners; Linux 5.12 does",
}
_REMEDY = "keep the store on ext4, xfs or btrfs, or use --userns host"


def check(container: Container, maps: Maps) -> None:
    """Raises Unsupported where the container's directory cannot be mounted for these users, Unavailable where they
    could not come to it."""
    user, group = maps.root
    above = os.path.dirname(os.path.realpath(container.path))
    while above != "/":
        found = os.stat(above)
        bit = 0o100 if found.st_uid == user else 0o010 if found.st_gid == group else 0o001
        if not found.st_mode & bit:
            raise Unavailable(
                above, "lets no other user through, and the container's root is one", f"chmod o+x {above}"
            )
        above = os.path.dirname(above)
    namespace = made(maps)
    try:
        with _Layers(container, namespace) as layers:
            layers.add(container.path, _OWN)
    finally:
        os.close(namespace)


def made(maps: Maps) -> int:
    """A descriptor of a user namespace with these maps. Raises Unavailable."""
    return namespaces(maps)[0]


def namespaces(maps: Maps, *, joined: str = "", network: bool = False) -> tuple[int, int]:
    """As host.owners has them. Raises Unavailable."""
    try:
        return owners.namespaces(*maps.lines, joined=joined, network=network)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise Unavailable(
            "users of its own", f"the kernel makes none: {why}", "see /proc/sys/user/max_user_namespaces"
        ) from None


def mount(container: Container, namespace: int, maps: Maps, lowers: list[str], label: str) -> None:
    """Mounts the root for these users, in place of how it is mounted for ours. Raises Unsupported, Unavailable."""
    mounts.unmount_under(container.rootfs)
    os.chown(container.path, -1, 0)  # in a mount with other owners, that group would keep us out
    lowers = lowers or [root.empty(container)]
    with _Layers(container, namespace) as layers:
        seen = [layers.add(lower, str(number)) for number, lower in enumerate(lowers)]
        own = layers.add(container.path, _OWN)
        layers.overlay(seen, os.path.join(own, "upper"), os.path.join(own, "work"), container.rootfs, maps, label)
    # They come to their root, and to nothing else: all else is closed, and who else comes here must know a name.
    os.chown(container.path, -1, maps.root[1])
    os.chmod(container.path, 0o710)


def mount_image(
    container: Container, namespace: int, maps: Maps, number: int, lowers: list[str], label: str
) -> None:
    """The same of an image that is to be mounted in the container, read only, and is not yet."""
    target = root.image_place(container, number)
    with _Layers(container, namespace) as layers:
        seen = [layers.add(lower, f"{number}.{at}") for at, lower in enumerate(lowers)]
        seen += [root.empty(container)] * max(2 - len(seen), 0)
        layers.overlay(seen, "", "", target, maps, label)


def is_mapped(container: Container) -> bool:
    """Whether the root is mounted for the container's users."""
    mark = os.fsencode(f"upperdir={os.path.join(container.path, _PLACE, _OWN)}")
    with open("/proc/self/mountinfo", "rb") as table:
        return any(mark in line for line in table)


class _Layers:
    """Mounts with other owners, there for the `with` block."""

    __slots__ = ("_container", "_namespace", "_place")

    def __init__(self, container: Container, namespace: int) -> None:
        self._container = container
        self._namespace = namespace
        self._place = os.path.join(container.path, _PLACE)

    def __enter__(self) -> _Layers:
        mounts.unmount_under(self._place)  # left by one that was killed
        os.makedirs(self._place, 0o700, exist_ok=True)
        return self

    def add(self, source: str, name: str) -> str:
        """Where a directory is then. Raises Unsupported, Unavailable."""
        target = os.path.join(self._place, name)
        os.makedirs(target, 0o700, exist_ok=True)
        try:
            owners.mount_as(source, target, self._namespace)
        except OSError as error:
            number = error.errno or 0
            if number in _WHY:
                raise Unsupported(source, f"cannot be seen with other owners: {_WHY[number]}", _REMEDY) from None
            raise _failed(self._container, error) from None
        return target

    def overlay(self, lowers: list[str], upper: str, work: str, target: str, maps: Maps, label: str) -> None:
        """Mounts them on one another. Raises Unsupported, Unavailable."""
        try:
            # What overlayfs makes of its own accord, it makes as who has mounted it.
            with owners.acting_as(*maps.root):
                volatile = bool(self._container.record["removedAtEnd"])
                mounts.overlay(lowers, upper, work, target, f"{target}.m", label, volatile=volatile)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise Unsupported(
                    self._container.name, "overlayfs takes no layers that are mounted with other owners",
                    "Linux 5.19 does; use --userns host",
                ) from None  # fmt: skip
            raise _failed(self._container, error) from None

    def __exit__(self, *_: object) -> None:
        mounts.unmount_under(self._place)


def _failed(container: Container, error: OSError) -> Unavailable:
    why = os.strerror(error.errno or 0).lower()
    return Unavailable(container.name, f"its root cannot be mounted for its users: {why}", "see dmesg")
