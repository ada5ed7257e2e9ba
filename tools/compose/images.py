"""The images of services: what is missing of them, built and pulled, side by side where none needs another."""

from __future__ import annotations

import os

from oci_spec import quantity

from ..errors import Conflict, NotFound, OcipipeError
from . import present
from .positions import ComposeError, place_at
from .walk import Cancelled, Walk, aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from threading import Event
    from typing import Any, TypeVar

    from oci_spec.jsondoc import Document

    from ..registry.settings import Access
    from .ground import Ground
    from .project import Project

    Need = tuple[str, str, str]
    T = TypeVar("T")

_SERVICE = "service:"
_PERIODS = {"daily": "24h", "weekly": "7d"}


class How:
    """What a command line says of images: `build` all that can be built, `pull` in place of the services' own policies,
    '' to leave them; `make`: what is missing is built."""

    def __init__(self, *, build: bool = False, pull: str = "", make: bool = True, quiet: bool = False) -> None:
        self.build = build
        self.pull = pull
        self.make = make
        self.quiet = quiet


def needed(ground: Ground, services: Iterable[str], how: How) -> list[Need]:
    """(service, image, build or pull) for each image that is to be got, once an image. Raises NotFound for one that is
    missing and may not be got, ComposeError."""
    store, project = ground.store, ground.project
    found: dict[str, Need] = {}
    for service in _with_bases(ground, services):
        image = project.image(service)
        action = _action(ground, service, image, how)
        if action and (image not in found or action == "build"):
            found[image] = (service, image, action)
        for other in beside(project, service):
            if not present.image(store, other):
                if how.pull == "never":
                    raise NotFound(other, "is not in the store, and is never to be pulled", "compose-pull, or img-load")
                found.setdefault(other, (service, other, "pull"))
    return list(found.values())


def beside(project: Project, service: str) -> list[str]:
    """The images that a service needs beside its own: those that are mounted, and those of pre_start."""
    keys = project.service(service)
    found = [str(one["source"]) for one in keys.get("volumes") or () if one["type"] == "image"]
    return [*found, *(str(one["image"]) for one in keys.get("pre_start") or () if "image" in one)]


def _with_bases(ground: Ground, services: Iterable[str]) -> list[str]:
    """The services, and those whose images theirs are built from."""
    found: dict[str, None] = {}
    waiting = list(services)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += bases(ground, name)
    return list(found)


def bases(ground: Ground, service: str) -> list[str]:
    """The services whose images a service's is built from. Raises NotFound."""
    contexts = (ground.project.service(service).get("build") or {}).get("additional_contexts") or {}
    found = [str(value)[len(_SERVICE) :] for value in contexts.values() if str(value).startswith(_SERVICE)]
    for name in found:
        ground.project.service(name)
    return found


def _action(ground: Ground, service: str, image: str, how: How) -> str:
    keys = ground.project.service(service)
    builds = "build" in keys
    policy = how.pull or _policy(ground, service, image)
    if builds and (how.build or (policy == "build" and not how.pull)):
        return "build"
    if policy == "always" and not (builds and "image" not in keys):
        return "pull"
    if present.image(ground.store, image):
        return ""
    if builds:
        if not how.make:
            raise NotFound(image, "is not built yet", "compose-build, or leave out --no-build")
        return "build"
    if policy == "never":
        raise NotFound(image, "is not in the store, and is never to be pulled", "compose-pull, or img-load")
    return "pull"


def _policy(ground: Ground, service: str, image: str) -> str:
    """always, missing, never or build."""
    store, project = ground.store, ground.project
    keys = project.service(service)
    policy = str(keys.get("pull_policy") or "missing")
    if policy in ("always", "missing", "never", "build"):
        return policy
    period = _PERIODS.get(policy) or policy.removeprefix("every_")
    if policy == "refresh":
        period = str(keys.get("pull_refresh_after") or "")
    seconds = quantity.seconds(period)
    if seconds is None:
        path = ("services", service, "pull_policy")
        raise ComposeError(place_at(project.model, path), path, f"{policy!r} says no time", "with pull_refresh_after")
    digest = present.image(store, image)
    if not digest:
        return "missing"
    came = os.stat(os.path.join(store.images, "blobs", *digest.split(":"))).st_mtime
    return "always" if ground.ctx.now() - came >= seconds else "missing"


def get(ground: Ground, wanted: Sequence[Need], how: How, cancelled: Event | None = None) -> None:
    """Builds and pulls. Those that others are built from come first. Raises what fails first, Cancelled once
    `cancelled` is set: what is being built is ended then, and nobody waits for what is being pulled."""
    by_service = {service: (image, action) for service, image, action in wanted if action == "build"}
    jobs: dict[str, tuple[str, str, str]] = {}
    graph: dict[str, list[str]] = {}
    for service, image, action in wanted:
        jobs[image] = (service, image, action)
        needs = bases(ground, service) if action == "build" else []
        graph[image] = [by_service[base][0] for base in needs if base in by_service]

    def work(name: str) -> None:
        service, image, action = jobs[name]
        try:
            if action == "build":
                build(ground, service, how, walk.check)
            else:
                aside(lambda: pull(ground, service, image, "always"), walk.check)
        except OcipipeError as error:
            raise Conflict(service, f"{image} cannot be had: {error}") from error

    walk = Walk(graph, work, cancelled)
    walk.run()


def pull(ground: Ground, service: str, image: str, policy: str, access: Access | None = None) -> Document | None:
    """Pulls an image, for the service's platform; its descriptor (None: nothing is done)."""
    from oci_spec.platform import Platform

    from ..images.pull import PullOptions
    from ..images.pull import pull as fetch
    from ..registry.settings import Access

    platform = ground.project.service(service).get("platform")
    parsed = Platform.parse(str(platform), "platform") if platform else None
    options = PullOptions(access or Access(), platform=parsed, policy=policy)
    if ground.dry and policy == "missing" and present.image(ground.store, image):
        return None
    return ground.act(f"pull {image}", lambda: fetch(ground.ctx, ground.store, image, options).document)


def build(ground: Ground, service: str, how: How, check: Callable[[], None], **more: Any) -> Document | None:
    """Builds a service's image; its descriptor (None: nothing is done). `check` is called again and again, and raises
    when it is to end. `more`: no_cache, pull, args. Raises ComposeError for what img-build has not, and what building
    raises."""
    from ..build import building, stopping
    from . import recipe

    request = recipe.request(ground, service, **more)
    request.wishes.quiet = how.quiet
    found: list[Document] = []

    def work() -> None:
        try:
            found.extend(building.build(ground.ctx, ground.store, request))
        except stopping.Cancelled:
            raise Cancelled from None

    def built() -> Document:
        aside(work, check, request.stop.call)
        return found[0]

    return ground.act(f"build {ground.project.image(service)}", built)


def build_all(ground: Ground, services: Sequence[str], how: How, *, push: bool = False, **more: Any) -> list[Document]:
    """Builds the images of the services that can be built, those first that others are built from; their
    descriptors."""
    project = ground.project
    chosen = [name for name in project.enabled(services, dependencies=False) if "build" in project.service(name)]
    chosen = [name for name in _with_bases(ground, chosen) if "build" in project.service(name)]
    graph = {name: [one for one in bases(ground, name) if one in chosen] for name in chosen}
    found: dict[str, Document] = {}

    def work(name: str) -> None:
        document = build(ground, name, how, walk.check, **more)
        if document is not None:
            found[name] = document

    walk = Walk(graph, work)
    walk.run()
    if push:
        from ..registry.settings import Access

        push_all(ground, chosen, deps=False, access=Access())
    return [found[name] for name in chosen if name in found]


def pull_all(
    ground: Ground, services: Sequence[str], *, policy: str, deps: bool, buildable: bool, access: Access
) -> list[Document | Exception]:
    """Pulls the images of services, each once; the descriptors, and what could not be had."""
    project = ground.project
    wanted: dict[str, str] = {}
    built = {project.image(name) for name, keys in project.model["services"].items() if "build" in keys}
    for name in project.enabled(services, dependencies=deps):
        keys = project.service(name)
        passed = "build" in keys and ("image" not in keys or not buildable)
        if not (passed or keys.get("pull_policy") in ("never", "build")):
            wanted.setdefault(project.image(name), name)
        for other in beside(project, name):
            if other not in built:
                wanted.setdefault(other, name)

    def pulled(image: str) -> Document | Exception | None:
        try:
            return pull(ground, wanted[image], image, policy, access)
        except OcipipeError as error:
            return error

    return _side_by_side(ground, wanted, pulled)


def push_all(ground: Ground, services: Sequence[str], *, deps: bool, access: Access) -> list[Document]:
    """Pushes the images of services that have a build and a name of their own, each once; the descriptors. Raises what
    fails first."""
    from ..images.local import find
    from ..images.push import PushOptions, push

    project = ground.project
    names = project.enabled(services, dependencies=deps)
    wanted = dict.fromkeys(
        project.image(name) for name in names if {"build", "image"} <= project.service(name).keys()
    )  # fmt: skip

    def pushed(image: str) -> Document | None:
        def do() -> Document:
            return push(ground.ctx, ground.store, find(ground.store, image), image, PushOptions(access)).document

        return ground.act(f"push {image}", do)

    return _side_by_side(ground, wanted, pushed)


def _side_by_side(ground: Ground, images: Iterable[str], do: Callable[[str], T | None]) -> list[T]:
    """What comes of each image, in their order. What is on its way when all is to end is left."""
    found: dict[str, T] = {}

    def each(image: str) -> None:
        done = do(image)
        if done is not None:
            found[image] = done

    if ground.dry:  # is said in their order, too
        for image in images:
            each(image)
    else:
        walk = Walk(dict.fromkeys(images, ()), lambda image: aside(lambda: each(image), walk.check))
        walk.run()
    return [found[image] for image in images if image in found]


def used(ground: Ground, services: Sequence[str]) -> Iterator[Document]:
    """The descriptor of each image that the containers of services were made from, once."""
    from .selecting import selected

    done = set()
    for one in selected(ground, services, one_off=True):
        record: Any = ground.store.containers.load(one.id).record
        if "image" in record and record["image"]["digest"] not in done:
            done.add(record["image"]["digest"])
            yield record["image"]
