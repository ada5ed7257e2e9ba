"""compose-down: all that a project has made, away again."""

from __future__ import annotations

from ..containers import ending, networking
from ..errors import Conflict, NotFound, OcipipeError
from ..network.networks import Networks
from ..volume.remove import remove as remove_volume
from . import apply, granted, labels, present, translate
from .doing import Doing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    ending.sweep(ground.ctx, ground.store)
    there = [
        one for one in present.containers(ground.ctx, ground.store, project)
        if (one.service in services if services else orphans or one.service in known)
    ]  # fmt: skip
    doing = Doing(ground, translate.Around(), seconds=seconds)
    gone: list[Document | Exception] = []

    def away(one: present.There) -> None:
        try:
            doing.remove(one.id, volumes=volumes or one.one_off)
            gone.append(_action("container", one.name, id=one.id))
        except OcipipeError as error:
            gone.append(error)

    apply.stop(ground, there, away)
    yield from gone
    if services:
        return
    yield from _networks(ground)
    if volumes:
        yield from _volumes(ground)
    if images:
        yield from _images(ground, everything=images == "all")
    if not any(True for _ in present.containers(ground.ctx, ground.store, project)):
        granted.forget(ground.ctx, project.name)


def _action(kind: str, name: str, **more: str) -> Document:
    return {"action": "delete", "object": {"kind": kind, "name": name, **more}, "reasons": []}


def _networks(ground: Ground) -> Iterator[Document | Exception]:
    for network in Networks(ground.store).all():
        if isinstance(network, OcipipeError) or not labels.is_of(network.labels, ground.project):
            continue
        try:
            yield networking.remove(ground.ctx, ground.store, network.name, force=False)
        except NotFound:  # somebody else takes the project down, too
            continue
        except Conflict as error:
            ground.ctx.progress.warn(f"{error}: it stays")
        except OcipipeError as error:
            yield error


def _volumes(ground: Ground) -> Iterator[Document | Exception]:
    """The volumes that the model declares and this project has made, and what killed commands had half made."""
    ground.store.volumes.remove_unfinished()
    for one in ground.project.model["volumes"].values():
        if one.get("external"):
            continue
        try:
            volume = ground.store.volumes.load(str(one["name"]))
            labels.check(volume.labels, ground.project, volume.name)
            found = remove_volume(ground.store, volume.name)
            if found is not None:
                yield found
        except NotFound:
            continue
        except OcipipeError as error:
            yield error


def _images(ground: Ground, *, everything: bool) -> Iterator[Document | Exception]:
    from ..images.remove import remove

    names = {
        ground.project.image(name): "image" in keys for name, keys in ground.project.model["services"].items()
    }  # fmt: skip
    for name, has_own in names.items():
        if has_own and not everything:
            continue
        try:
            yield from remove(ground.store, name)
        except NotFound:
            continue
        except OcipipeError as error:
            yield error


