"""Volumes taken and let go: what a driver's options name is mounted for the first that takes one, until the last.

Who uses a volume is what the containers' records say; who of them lives, the kernel's locks. So nothing is counted
that a killed command could leave wrong: whoever lets go of a volume, or sweeps, unmounts what no living one names.
mount(8) does the mounting: it knows the helpers of network file systems.
"""

from __future__ import annotations

import os

from ..errors import NotFound, Unavailable
from ..host import locks, mounts, process
from .fill import finish, is_mounted, is_pending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from ..store.container import Container
    from ..store.store import Store
    from ..store.volumes import Volume


def acquire(store: Store, name: str, env: Mapping[str, str]) -> str:
    """The directory of a volume's files, mounted if its driver's options say so. Raises NotFound, Corrupt, Unavailable.

    The caller's container names the volume in its record, and its lock is held. `release` undoes it.
    """
    with store.volumes.locked(name, shared=True) as volume:
        if not is_pending(volume) and not volume.driver_options:
            return volume.data
    with store.volumes.locked(name) as volume:
        take(volume, env)
        return volume.data


def take(volume: Volume, env: Mapping[str, str]) -> None:
    """Sees to it that the files of a volume, whose lock is ours, are where they belong."""
    if volume.driver_options and not is_mounted(volume):
        _mount(volume, env)
    finish(volume)


def release(store: Store, name: str, container_id: str = "") -> None:
    """Unmounts a volume's file system if no other container that lives names it. One that is gone is no error."""
    try:
        if store.volumes.load(name).driver_options:
            with store.volumes.locked(name) as volume:
                drop(store, volume, container_id)
    except NotFound:
        pass


def drop(store: Store, volume: Volume, container_id: str = "") -> bool:
    """The same for a volume whose lock is ours; whether something was unmounted. Raises Corrupt where a container's
    record can't be read: it might use the volume."""
    if not is_mounted(volume):
        return False
    users = store.volumes.users(volume.name)
    if any(is_alive(one) for one in users if one.id != container_id):
        return False
    mounts.unmount_under(volume.data)
    return True


def is_alive(container: Container) -> bool:
    """Whether a command, a monitor or a runtime has the container, or somebody waits to start it again."""
    return locks.is_held(container.path) or any(map(container.is_held, ("run.lock", "restart.lock")))


def left_mounted(store: Store) -> Iterator[Volume]:
    """Volumes whose file systems are mounted though no container that lives uses them."""
    base = store.volumes.path
    names = {os.path.relpath(point, base).partition("/")[0] for point in mounts.mounted_under(base)}
    usage = store.volumes.usage() if names else {}
    for name in sorted(names):
        try:
            volume = store.volumes.load(name)
        except NotFound:
            continue
        if is_mounted(volume) and volume.driver_options and not any(map(is_alive, usage.get(name, ()))):
            yield volume


def sweep(store: Store) -> None:
    """Unmounts what killed commands have left mounted."""
    for found in left_mounted(store):
        release(store, found.name)


class reading:
    """A `with` block that yields a volume whose files are there to be read. Nobody removes, unmounts or fills it
    meanwhile; containers may take it and write. Raises NotFound, Corrupt, Unavailable."""

    __slots__ = ("_env", "_lock", "_name", "_store")

    def __init__(self, store: Store, name: str, env: Mapping[str, str]) -> None:
        self._store = store
        self._name = name
        self._env = env

    def __enter__(self) -> Volume:
        while True:
            self._lock = self._store.volumes.locked(self._name, shared=True)
            volume = self._lock.__enter__()
            if not is_pending(volume) and (not volume.driver_options or is_mounted(volume)):
                return volume
            self._lock.__exit__(None, None, None)
            with self._store.volumes.locked(self._name) as volume:
                take(volume, self._env)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)
        release(self._store, self._name)


def _mount(volume: Volume, env: Mapping[str, str]) -> None:
    options = volume.driver_options
    kind, device, words = options["type"], options["device"], options.get("o", "")
    if kind in ("nfs", "nfs4") and device.startswith(":"):  # docker's way to write it: mount.nfs wants the host there
        hosts = [word.removeprefix("addr=") for word in words.split(",") if word.startswith("addr=")]
        device = f"{hosts[0]}{device}" if hosts else device
    program = process.find("mount", env.get("PATH", ""))
    if program is None:
        raise Unavailable("mount", "is not installed", "install the package mount or util-linux")
    argv = [program, "-t", kind, *(("-o", words) if words else ()), "--source", device, "--target", volume.data]
    done = process.run(argv, env={"PATH": process.SEARCH_PATH, "LC_ALL": "C"})
    if done.status:
        lines = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
        told = lines[0].removeprefix("mount: ").removeprefix(f"{volume.data}: ") if lines else f"status {done.status}"
        raise Unavailable(
            volume.name, f"its {kind} file system cannot be mounted: {told.rstrip('.')}",
            "vol-inspect shows its type, device and options",
        )  # fmt: skip
