"""A project as the manifests of a Kubernetes cluster. Pure, but for the files of configs and secrets.

    kube_data       configs and secrets        ConfigMap, Secret
    kube_storage    volumes and mounts         PersistentVolumeClaim, volumes of pods
    kube_service    names and ports            Service, Ingress
    kube_workload   what runs                  Deployment, StatefulSet, Job; the pod
    kube_container  the pod's container        kube_rights its security contexts
    kube_lacking    the rest                   warnings
    kube_objects    names and labels of all of them

A manifest has no namespace: it is for that which `kubectl` is pointed at.
"""

from __future__ import annotations

from ..errors import UsageError
from . import kube_data, kube_lacking, kube_service
from .kube_objects import Objects, Source, is_host
from .kube_storage import Claims
from .kube_workload import workload
from .order import jobs as jobs_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .project import Project

SIZE = 1 << 30
"""Bytes that a volume asks for, where nobody says how many."""


def manifests(
    project: Project, services: Sequence[str] = (), *, tell: Callable[[str], None], size: int = SIZE, host: str = "",
) -> list[dict[str, Any]]:  # fmt: skip
    """The manifests of some services and what they depend on, or of all, in the order in which they are best applied:
    ConfigMaps and Secrets, claims, Services, workloads (each after those that it depends on), the Ingress at `host` if
    there is to be one. `size` is what each volume asks for, bytes. `tell` takes a sentence for each key that has no
    counterpart. Raises ComposeError, NotFound, UsageError for a `host` that is none."""
    if host and not is_host(host):
        raise UsageError("--ingress", f"{host!r} is no name of a host", "like shop.example.org, in small letters")
    if size <= 0:
        raise UsageError("--volume-size", f"{size} is no size of a volume", "like 10g")
    objects = Objects(project, services, tell)
    order = project.enabled(services)
    jobs = jobs_of(objects.model).intersection(objects.model["services"])
    kube_lacking.warn(objects, jobs=jobs)
    found = [name for name in order if name not in jobs]
    claims = Claims(objects, jobs, size)
    aliases = kube_service.aliases(objects, [name for name in objects.model["services"] if name not in jobs])
    made = kube_data.manifests(objects) + claims.manifests()
    for name in found:
        stateful = bool(claims.templates(name))
        made += kube_service.services(Source(objects, name), aliases.get(name, ()), stateful=stateful)
    made += [workload(Source(objects, name), claims, job=name in jobs) for name in order]
    web = [name for name in objects.model["services"] if name in found]
    return made + kube_service.ingress(objects, web, host)
