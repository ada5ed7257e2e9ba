"""What a project wants, as the plan compares it with what is there; and whether all of it can be had at all."""

from __future__ import annotations

import os

from ..errors import OcipipeError, UsageError
from . import granted, hashing, linked, plan, present, resources, translate, wiring
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .ground import Ground
    from .images import Need
    from .project import Project

_SERVICE = "service:"


def scales(texts: Sequence[str], project: Project) -> dict[str, int]:
    """--scale SERVICE=NUMBER. Raises UsageError, NotFound."""
    found: dict[str, int] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals or not (number.isascii() and number.isdigit() and len(number) < 6):
            raise UsageError(f"--scale {text}", "is not SERVICE=NUMBER", "like web=3")
        project.service(name)
        found[name] = int(number)
    return found


def wanted(ground: Ground, services: Sequence[str], scale: Mapping[str, int], needs: Sequence[Need]) -> plan.Wanted:
    """What these services want, each after those that it depends on; `needs` are the images that are to be got."""
    project = ground.project
    found = plan.Wanted(project.name)
    found.known = set(project.model["services"])
    found.services = [_service(ground, name, scale) for name in services]
    by_name = {one.name: one for one in found.services}
    for service, image, action in needs:
        if service in by_name and by_name[service].image == image:
            found.missing.append((action, by_name[service]))
        else:
            other = plan.Service(service)
            other.image = image
            found.missing.append((action, other))
    for section, kind in (("networks", "network"), ("volumes", "volume")):
        used = [key for name in services for key in _used(project, name, section)]
        for key in dict.fromkeys(used):
            one_of = project.model[section][key]
            found.resources.append(
                plan.Resource(
                    kind,
                    key,
                    str(one_of["name"]),
                    hashing.resource_hash(project.model, section, key),
                    dict(one_of),
                    external=resources.is_external(project, section, key),
                )
            )
    return found


def _used(project: Project, service: str, section: str) -> list[str]:
    keys = project.service(service)
    if section == "networks":
        return list(keys.get("networks") or ())
    return [str(one["source"]) for one in keys.get("volumes") or () if one["type"] == "volume" and one.get("source")]


def _service(ground: Ground, name: str, scale: Mapping[str, int]) -> plan.Service:
    project = ground.project
    keys = project.service(name)
    one = plan.Service(name)
    one.count = scale.get(name, translate.count(project, name))
    if one.count > 1 and keys.get("container_name"):
        path = ("services", name, "container_name")
        raise ComposeError(
            place_at(project.model, path), path, f"cannot be the name of {one.count} containers", "take it away"
        )
    one.template = translate.name(project, name, 1).removesuffix("-1")
    if keys.get("container_name"):
        one.called[1] = str(keys["container_name"])
    one.hash = project.hash(name)
    one.material = material(project, name)
    one.image = project.image(name)
    one.digest = present.image(ground.store, one.image)
    one.networks = [str(project.model["networks"][key]["name"]) for key in keys.get("networks") or ()]
    for key in ("network_mode", "ipc", "pid"):
        value = str(keys.get(key) or "")
        if value.startswith(_SERVICE):
            one.shares[key] = value[len(_SERVICE) :]
    for number, text in enumerate(keys.get("volumes_from") or ()):
        if not text.startswith("container:"):
            one.shares[f"volumes_from[{number}]"] = text.partition(":")[0]
    return one


def material(project: Project, name: str) -> dict[str, Any]:
    """What a service's container is made from (hashing.material), with the names that others have for it, and devices
    that are reserved for it."""
    found = hashing.material(project.model, name, project.environment)
    linked = dict(wiring.aliases(project.model, name))
    reserved = ((project.service(name).get("deploy") or {}).get("resources") or {}).get("reservations") or {}
    return {
        **found,
        **({"links": linked} if linked else {}),
        **({"deploy": {"devices": reserved["devices"]}} if reserved.get("devices") else {}),
    }


def check(ground: Ground, services: Sequence[str]) -> granted.Grants:
    """Raises ComposeError for whatever of these services cannot be done on this host: before anything is. The secrets
    and configs, which are not written yet."""
    project = ground.project
    grants = granted.Grants(ground.ctx, project, services)
    around = translate.Around()
    around.files = grants.paths
    around.names = {name: translate.name(project, name, 1) for name in project.model["services"]}
    for name in services:
        said = translate.words(project, name, 1, around)
        try:
            ground.parse(said)
            for step in project.service(name).get("pre_start") or ():
                from . import steps

                ground.parse(steps.words(project, name, 1, around, step))
        except OcipipeError as error:
            path = ("services", name)
            raise ComposeError(place_at(project.model, path), path, f"{error.subject}: {error.problem}") from None
        linked.check(ground, name)
        for key in _used(project, name, "networks"):
            if not resources.is_external(project, "networks", key):
                resources.network(ground.ctx, project, key)
        for key in _used(project, name, "volumes"):
            if not resources.is_external(project, "volumes", key):
                resources.volume(project, key)
    _processors(project, services)
    return grants


def _processors(project: Project, services: Sequence[str]) -> None:
    """Raises ComposeError where more processors are reserved for services than there are, as a cluster of this one
    host would have no place for them (compose-spec, deploy.md)."""
    there = len(os.sched_getaffinity(0))
    reserved = 0.0
    for name in services:
        found = (project.service(name).get("deploy") or {}).get("resources") or {}
        cpus = (found.get("reservations") or {}).get("cpus")
        reserved += float(cpus or 0) * translate.count(project, name)
        if cpus and reserved > there:
            path = ("services", name, "deploy", "resources", "reservations", "cpus")
            raise ComposeError(
                place_at(project.model, path), path, f"{reserved:g} are reserved by then, and this host has {there}",
                "reserve less; limits.cpus is what a container may use at most",
            )  # fmt: skip
