"""compose-down: all that a project has made, away again."""

from __future__ import annotations

from ..containers import networking
from ..errors import Conflict, NotFound, OcipipeError
from ..network.networks import Networks
from ..volume.remove import remove as remove_volume
from . import apply, granted, labels, present, translate
from .doing import Doing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from oci_spec.jsondoc import Document

    from .ground import Ground


def down(
    ground: Ground, services: Sequence[str], *, orphans: bool, volumes: bool, images: str, seconds: float | None
) -> Iterator[Document | Exception]:
    """Stops and removes the containers of the services, or of all, and then what they stood on; an action for each
    thing that is gone. `images`: all, local (those without a name of their own), or '' to leave them.

    Yields what could not be removed. Raises Conflict for containers of another project of this name, NotFound.
    """
    project = ground.project
    for name in services:
        project.service(name)
    known = project.model["services"]
    ground.sweep()
    there = [
        one for one in present.containers(ground.ctx, ground.store, project)
        if (one.service in services if services else orphans or one.service in known)
    ]  # fmt: skip
    doing = Doing(ground, translate.Around(), seconds=seconds)
    gone: list[Document | Exception] = []

    def away(one: present.There) -> None:
        doing.remove(one.id, volumes=volumes or one.one_off)
        gone.append(_action("container", one.name, id=one.id))

    def each(one: present.There) -> None:
        try:
            ground.act(f"remove {one.name}", lambda: away(one))
        except OcipipeError as error:
            gone.append(error)

    apply.stop(ground, there, each)
    yield from gone
    if services:
        return
    yield from _networks(ground)
    if volumes:
        yield from _volumes(ground)
    if images:
        yield from _images(ground, everything=images == "all")
    if not ground.dry and not present.containers(ground.ctx, ground.store, project):
        granted.forget(ground.ctx, project.name)


def _action(kind: str, name: str, **more: str) -> Document:
    return {"action": "delete", "object": {"kind": kind, "name": name, **more}, "reasons": []}


def _networks(ground: Ground) -> Iterator[Document | Exception]:
    """This project's, and what killed commands had half made."""
    networks = Networks(ground.store)
    if not ground.dry:
        networks.remove_unfinished()
    for network in networks.all():
        if isinstance(network, OcipipeError) or not labels.is_of(network.labels, ground.project):
            continue

        def remove(name: str = network.name) -> list[Document]:
            return [networking.remove(ground.ctx, ground.store, name, force=False)]

        for found in _away(ground, f"network {network.name}", remove):
            if isinstance(found, Conflict):
                ground.ctx.progress.warn(f"{found}: it stays")
            else:
                yield found


def _volumes(ground: Ground) -> Iterator[Document | Exception]:
    """The volumes that the model declares and this project has made, and what killed commands had half made."""
    if not ground.dry:
        ground.store.volumes.remove_unfinished()
    for one in ground.project.model["volumes"].values():
        if one.get("external"):
            continue
        try:
            volume = ground.store.volumes.load(str(one["name"]))
            labels.check(volume.labels, ground.project, volume.name)
        except NotFound:
            continue
        except OcipipeError as error:
            yield error
            continue
        yield from _away(ground, f"volume {volume.name}", lambda name=volume.name: [remove_volume(ground.store, name)])  # type: ignore[misc]


def _images(ground: Ground, *, everything: bool) -> Iterator[Document | Exception]:
    from ..images.remove import remove

    names = {
        ground.project.image(name): "image" in keys for name, keys in ground.project.model["services"].items()
    }  # fmt: skip
    for name, has_own in names.items():
        if (everything or not has_own) and present.image(ground.store, name):
            yield from _away(ground, f"image {name}", lambda name=name: remove(ground.store, name))  # type: ignore[misc]


def _away(ground: Ground, what: str, remove: Callable[[], Iterable[Document | None]]) -> Iterator[Document | Exception]:
    """Removes what is no container: the actions, or what went wrong; nothing for what has gone by itself."""
    try:
        yield from filter(None, ground.act(f"remove {what}", lambda: list(remove())) or ())
    except NotFound:
        pass
    except OcipipeError as error:
        yield error
