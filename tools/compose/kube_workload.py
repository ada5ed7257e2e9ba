"""What runs the pods of a service: a Deployment, a StatefulSet where the pod has volumes of its own, a Job where others
wait until it has ended well. Pure."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform

from . import kube_rights, kube_service
from .kube_container import container, steps
from .kube_objects import PREFIX, is_key, is_value, label
from .kube_storage import Mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .kube_objects import Source
    from .kube_storage import Claims


def workload(source: Source, claims: Claims, *, job: bool) -> dict[str, Any]:
    """The object (Kubernetes API, apps/v1 and batch/v1)."""
    metadata = source.objects.metadata(source.name, source.service)
    template = _template(source, claims)
    scale = source.keys.get("scale")
    count = 1 if scale is None else int(scale)
    if job:
        return {
            "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": _job(source, template, count)
        }  # fmt: skip
    spec: dict[str, Any] = {
        "replicas": count, "selector": {"matchLabels": source.objects.selector(source.service)}, "template": template,
    }  # fmt: skip
    templates = claims.templates(source.service)
    if templates:
        spec |= {"serviceName": source.name, "volumeClaimTemplates": templates}
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}
    if any("persistentVolumeClaim" in one for one in template["spec"].get("volumes", ())):
        # As compose-up does it: never two that write to one volume, the old pod and the new one.
        spec["strategy"] = {"type": "Recreate"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _job(source: Source, template: dict[str, Any], count: int) -> dict[str, Any]:
    """One pod, started again as often as the service may be; of a scale, as many at once."""
    restart, _, most = str(source.keys.get("restart") or "no").partition(":")
    spec: dict[str, Any] = {}
    if restart == "no":
        template["spec"]["restartPolicy"] = "Never"
        spec["backoffLimit"] = 0
    else:
        template["spec"]["restartPolicy"] = "OnFailure"
        if most:
            spec["backoffLimit"] = int(most)
    if count != 1:
        spec |= {"parallelism": count, "completions": max(count, 1)}
    return {**spec, "template": template}


def _template(source: Source, claims: Claims) -> dict[str, Any]:
    """The pod (Kubernetes API, core/v1, PodTemplateSpec). It finds others by DNS, not by variables that might be taken
    for its own settings, and has no business with the cluster itself."""
    metadata: dict[str, Any] = {"labels": source.objects.labels(source.service)}
    for section in ("labels", "annotations"):
        _mark(source, metadata, section)
    mounts = Mounts(source, claims)
    spec: dict[str, Any] = {"automountServiceAccountToken": False, "enableServiceLinks": False}
    spec |= _node(source) | _host(source)
    for key, value in (
        ("securityContext", kube_rights.of_pod(source, claims=mounts.has_claims)),
        ("hostAliases", _aliases(source)), ("dnsConfig", _dns(source)),
    ):  # fmt: skip
        if value:
            spec[key] = value
    grace = source.keys.get("stop_grace_period")
    if grace is not None:
        spec["terminationGracePeriodSeconds"] = source.seconds(str(grace), ("stop_grace_period",))
    own = container(source, kube_service.of_container(source), mounts.mounts)
    before = steps(source, own)
    if before:
        spec["initContainers"] = before
    spec["containers"] = [own]
    if mounts.volumes:
        spec["volumes"] = mounts.volumes
    return {"metadata": metadata, "spec": spec}


def _mark(source: Source, metadata: dict[str, Any], section: str) -> None:
    """Adds a user's labels or annotations. A label that has no form of a label becomes an annotation."""
    for key, value in (source.keys.get(section) or {}).items():
        text = "" if value is None else str(value)
        if not is_key(key):
            source.warn((section, key), "is no name for a label or annotation there, and left out")
        elif section == "labels" and key.startswith(PREFIX):
            source.warn((section, key), "is a label of our own there, and left out")
        else:
            there = section if section == "annotations" or is_value(text) else "annotations"
            if there != section:
                source.warn((section, key), "is an annotation there: labels have short words only")
            metadata.setdefault(there, {})[key] = text


def _node(source: Source) -> dict[str, Any]:
    """Where the pod may run."""
    text = source.keys.get("platform")
    if not text:
        return {}
    try:
        found = Platform.parse(str(text), "platform")
    except FormatError as error:
        source.warn(("platform",), error.problem)
        return {}
    return {"nodeSelector": {"kubernetes.io/os": found.os, "kubernetes.io/arch": found.architecture}}


def _host(source: Source) -> dict[str, Any]:
    """The namespaces that it has from its node, and its host name."""
    keys = source.keys
    made: dict[str, Any] = {}
    if keys.get("network_mode") == "host":
        made |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    for key, other in (("pid", "hostPID"), ("ipc", "hostIPC")):
        if keys.get(key) == "host":
            made[other] = True
    name = keys.get("hostname")
    if name and label(name) == name:
        made["hostname"] = name
    elif name:
        source.warn(("hostname",), f"{name} cannot be the name of a pod's host")
    return made


def _aliases(source: Source) -> list[dict[str, Any]]:
    """Lines of /etc/hosts, by address."""
    found: dict[str, list[str]] = {}
    for number, text in enumerate(source.keys.get("extra_hosts") or ()):
        name, _, address = str(text).partition("=" if "=" in text else ":")
        if address == "host-gateway":
            source.warn(("extra_hosts", number), "has no counterpart: there is no one host")
        else:
            found.setdefault(address.strip("[]"), []).append(name)
    return [{"ip": address, "hostnames": names} for address, names in found.items()]


def _dns(source: Source) -> dict[str, Any]:
    """What is added to the cluster's own resolv.conf."""
    made: dict[str, Any] = {}
    for key, other in (("dns", "nameservers"), ("dns_search", "searches")):
        if source.keys.get(key):
            made[other] = [str(one) for one in source.keys[key]]
    options = []
    for text in source.keys.get("dns_opt") or ():
        name, colon, value = str(text).partition(":")
        options.append({"name": name, "value": value} if colon else {"name": name})
    if options:
        made["options"] = options
    return made
