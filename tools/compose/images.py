"""The images of services: what is missing of them, built and pulled, side by side where none needs another."""

from __future__ import annotations

import os

from oci_spec import quantity

from ..errors import Conflict, NotFound, OcipipeError
from . import present
from .positions import ComposeError, place_at
from .walk import Walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .ground import Ground

    Need = tuple[str, str, str]

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
    for service in services:
        keys = project.service(service)
        image = project.image(service)
        action = _action(ground, service, image, how)
        if action and (image not in found or action == "build"):
            found[image] = (service, image, action)
        for one in keys.get("volumes") or ():
            if one["type"] == "image" and not present.image(store, str(one["source"])):
                found.setdefault(str(one["source"]), (service, str(one["source"]), "pull"))
    return list(found.values())


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


def get(ground: Ground, wanted: Sequence[Need], how: How) -> None:
    """Builds and pulls. Those that others are built from come first. Raises what fails first."""
    by_service = {service: (image, action) for service, image, action in wanted if action == "build"}
    jobs: dict[str, tuple[str, str, str]] = {}
    graph: dict[str, list[str]] = {}
    for service, image, action in wanted:
        jobs[image] = (service, image, action)
        contexts = (ground.project.service(service).get("build") or {}).get("additional_contexts") or {}
        bases = [str(value)[len(_SERVICE) :] for value in contexts.values() if str(value).startswith(_SERVICE)]
        graph[image] = [by_service[base][0] for base in bases if action == "build" and base in by_service]

    def work(name: str) -> None:
        service, image, action = jobs[name]
        try:
            if action == "build":
                build(ground, service, how)
            else:
                pull(ground, service, image, "always")
        except OcipipeError as error:
            raise Conflict(service, f"{image} cannot be had: {error}") from error

    Walk(graph, work).run()


def pull(ground: Ground, service: str, image: str, policy: str) -> dict[str, object]:
    """Pulls an image, for the service's platform; its descriptor."""
    from oci_spec.platform import Platform

    from ..images.pull import PullOptions
    from ..images.pull import pull as fetch
    from ..registry.settings import Access

    platform = ground.project.service(service).get("platform")
    parsed = Platform.parse(str(platform), "platform") if platform else None
    return fetch(ground.ctx, ground.store, image, PullOptions(Access(), platform=parsed, policy=policy)).document


def build(ground: Ground, service: str, how: How, **more: Any) -> dict[str, object] | None:
    """Builds a service's image; its descriptor. `more`: no_cache, pull, args. Raises ComposeError for what img-build
    has not, and what building raises."""
    from ..build import building
    from . import recipe as asked

    with asked.Inline(ground.ctx, ground.project.service(service)["build"].get("dockerfile_inline")) as file:
        request = asked.request(ground, service, **more)
        request.file = file or request.file
        request.wishes.quiet = how.quiet
        return building.build(ground.ctx, ground.store, request)
