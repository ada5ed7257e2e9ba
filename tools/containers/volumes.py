"""The volumes of a container: which it wants, taken at every start, let go at every end, and removed with it.

Its record names them before it takes them, so none is removed under it: `volumes` has their names, `volumeMounts` what
each start has to know. What an image has at their place is copied at the creation, into an empty one; into one in
memory, which is empty at every start, then too.
"""

from __future__ import annotations

import os

from ..errors import Conflict, Corrupt, NotFound, UsageError
from ..host import security
from ..host.mounts import unmount_under
from ..runtime import confinement, root, volume_mount
from ..runtime.options import Mount
from ..runtime.volume_mount import Wanted
from ..store.volumes import volumes_of
from ..volume import create, fill, mount, remove, subpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from oci_spec.image_config import ImageConfig
    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..runtime.inputs import Options
    from ..runtime.userns import Maps
    from ..store.container import Container
    from ..store.store import Store

_SUBPATHS = "subpaths"
"""In the container's directory: where parts of volumes are mounted."""


class Asked:
    """The volumes of a container that is about to be made. `record` is what its record has to keep of them."""

    __slots__ = ("_settings", "record")

    def __init__(self, settings: dict[str, create.Settings], mounts: list[Document]) -> None:
        self._settings = settings
        names = list(dict.fromkeys(str(one["name"]) for one in mounts))
        self.record: Document = {"volumes": names, "volumeMounts": mounts} if mounts else {}

    def make(self, ctx: Context, store: Store) -> None:
        """Makes those that are missing; the container's record names them by now. Raises Conflict for one that is
        there and was asked for with other settings."""
        anonymous = {str(one["name"]) for one in self.record.get("volumeMounts") or () if one["anonymous"]}  # type: ignore[attr-defined]
        for name, settings in self._settings.items():
            found = create.ensure(ctx, store, name, settings, anonymous=name in anonymous)
            if (settings.options or settings.labels) and not settings.fit(found):
                raise Conflict(
                    name, "the volume is there already, with another driver, options or labels", "leave these out"
                )


def ask(
    ctx: Context, store: Store, container_id: str, options: Options, image: ImageConfig, others: list[str]
) -> Asked:
    """What the options' mounts, the image and the containers of --volumes-from want; the mounts get their sources.

    Raises UsageError, NotFound, Conflict.
    """
    for text in others:
        options.mounts += _not_taken(options, _of_other(store, text, mapped=options.users is not None))
    places = ("/" + place.strip("/") for place in image.volumes)
    options.mounts += _not_taken(
        options, (Mount("volume", "", place, ["rbind", "rprivate"], volume=Wanted("", place)) for place in places)
    )
    settings: dict[str, create.Settings] = {}
    mounts: list[Document] = []
    for one in options.mounts:
        wanted = one.volume
        if wanted is None:
            continue
        anonymous = not wanted.name
        name = wanted.name or ctx.random(32).hex()
        mine = create.Settings(wanted.driver, wanted.driver_options, wanted.labels)
        if name not in settings or mine.options or mine.labels:
            settings[name] = mine
        base = os.path.join(store.containers.path, container_id, _SUBPATHS, str(len(mounts)))
        if wanted.idmap and options.users:
            raise UsageError(
                f"idmap={wanted.idmap}", "is for a container with the host's users, and --userns maps its volumes",
                "leave one of them out",
            )  # fmt: skip
        apart = wanted.subpath or wanted.idmap or options.users
        one.source = base if apart else os.path.join(store.volumes.path, name, "data")
        mounts.append(
            {"name": name, "destination": one.destination, "copy": wanted.copy, "subpath": wanted.subpath,
             "anonymous": anonymous, **({"idmap": wanted.idmap} if wanted.idmap else {})}
        )  # fmt: skip
    return Asked(settings, mounts)


def of_record(record: Document) -> Asked:
    """The volumes of a container that is made once more, as the first one's record has them."""
    mounts: Any = record.get("volumeMounts") or []
    return Asked({str(one["name"]): create.Settings("", {}, {}) for one in mounts}, mounts)


def take(ctx: Context, store: Store, container: Container, *, created: bool) -> None:
    """Takes the container's volumes for its creation or for a start; its root is mounted and its lock ours. They are as
    they are on the disk: what users of its own see is for `map_owners`.

    Raises NotFound, Conflict, Corrupt, Unavailable.
    """
    mounts: Any = container.record.get("volumeMounts") or ()
    apart = bool(container.record.get("users"))
    for number, one in enumerate(mounts):
        name = str(one["name"])
        path = mount.acquire(store, name, ctx.env)
        if one["copy"] and not one["subpath"] and (created or create.in_memory(store.volumes.load(name))):
            fill.copy_up(store, name, root.of_record(container), str(one["destination"]), ctx.env)
        if one["subpath"] or one.get("idmap") or apart:
            target = os.path.join(container.path, _SUBPATHS, str(number))
            owners = volume_mount.owners(str(one["idmap"]), name) if one.get("idmap") else None
            subpath.bind(path, str(one["subpath"]), target, name, owners)
        if created and container.record.get("mountLabel"):
            security.label(path, confinement.shared(str(container.record["mountLabel"])))


def map_owners(store: Store, container: Container, maps: Maps) -> None:
    """Mounts the container's volumes, which it has taken, for users of its own. Raises Unsupported, NotFound."""
    mounted: Any = container.record.get("volumeMounts") or ()
    unmount_under(os.path.join(container.path, _SUBPATHS))
    for number, one in enumerate(mounted):
        name = str(one["name"])
        target = os.path.join(container.path, _SUBPATHS, str(number))
        subpath.bind(store.volumes.load(name).data, str(one["subpath"]), target, name, maps.lines)


def let_go(store: Store, container: Container) -> None:
    """Lets the container's volumes go; nothing of the container uses them any more.

    What a damaged record leaves in doubt stays mounted: store-check tells of both.
    """
    for name in volumes_of(container.record):
        try:
            mount.release(store, name, container.id)
        except Corrupt:
            continue


def discard(store: Store, container: Container) -> None:
    """Removes those without a name that a container has which is about to go. What another one uses stays, and so does
    what another one may use, whose record is damaged."""
    for name in volumes_of(container.record):
        try:
            if store.volumes.load(name).anonymous:
                remove.remove(store, name, going=container.id)
        except (NotFound, Conflict, Corrupt):
            continue


def _not_taken(options: Options, mounts: Iterator[Mount]) -> list[Mount]:
    """Those at places where nothing else is mounted."""
    taken = {one.destination.rstrip("/") for one in options.mounts}
    return [one for one in mounts if one.destination.rstrip("/") not in {*taken, ""}]


def _of_other(store: Store, text: str, *, mapped: bool) -> Iterator[Mount]:
    """What --volumes-from CONTAINER[:ro|rw] brings: the volumes, and host paths, that are mounted in another one.
    `mapped`: for users of its own, where they are for the other's."""
    from ..runtime.placement import BINDS

    name, _, mode = text.partition(":")
    if mode not in ("", "ro", "rw"):
        raise UsageError(f"--volumes-from {text}", f"{mode} is neither ro nor rw", "write CONTAINER[:ro]")
    other = store.containers.find(name)
    known: Any = other.record.get("volumeMounts") or ()
    volumes = {str(one["destination"]): one for one in known}
    config: Any = other.config()
    for one in config.get("mounts") or ():
        source, destination, words = one.get("source", ""), one["destination"], list(one.get("options") or ())
        if mode:
            words = [*(word for word in words if word not in ("ro", "rw")), mode]
        if destination in volumes:
            wanted = Wanted(str(volumes[destination]["name"]), text)
            wanted.subpath = str(volumes[destination]["subpath"])
            wanted.idmap = str(volumes[destination].get("idmap") or "")
            yield Mount("volume", "", destination, words, volume=wanted)
        elif source.startswith(f"{other.path}/{BINDS}/"):
            binds: Any = other.record["mappedBinds"]
            yield Mount("bind", binds[int(os.path.basename(source))], destination, words, mapped=mapped)
        elif one.get("type") == "bind" and not _is_own(other, source, destination):
            if not os.path.exists(source):
                raise NotFound(source, f"the mount of container {other.name} does not exist", "make it")
            yield Mount("bind", source, destination, words)


def _is_own(container: Container, source: str, destination: str) -> bool:
    """Whether a mount is one that every container gets of its own."""
    from ..runtime.placement import INIT

    return source.startswith(f"{container.path}/") or destination in (INIT, "/dev/shm")
