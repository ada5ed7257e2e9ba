"""How pods are found and reached: Services, and an Ingress for those who ask for one. Pure.

What others of the project reach a service by is its name and the ports of its containers, so that is what its Service
has. One that says no ports is reached at all of them, by a Service without an address of its own (headless), whose name
stands for the pods themselves; so is one of a StatefulSet.
"""

from __future__ import annotations

from ..errors import OcipipeError
from . import wiring
from .kube_objects import Source, label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .kube_objects import Objects, Path

_WEB = frozenset((80, 3000, 5000, 8000, 8080, 8888))
"""Ports of containers that are taken for HTTP where nothing is said."""


class Port:
    """A port of a service's containers."""

    __slots__ = ("address", "name", "number", "path", "protocol", "published", "speaks")

    def __init__(self, number: int, protocol: str, path: Path, said: Any = None) -> None:
        self.number = number
        self.protocol = protocol
        self.path = path
        self.published = said is not None
        said = said or {}
        self.speaks = str(said.get("app_protocol") or "")
        self.name = str(said.get("name") or "")
        self.address = str(said.get("host_ip") or "")

    @property
    def is_web(self) -> bool:
        """Whether this is a port of HTTP that others than this host are to reach: by its app_protocol, or as servers
        usually have it."""
        plain = self.speaks.startswith("http") and self.speaks != "https" if self.speaks else self.number in _WEB
        inside = self.address == "::1" or self.address.startswith("127.")
        return self.published and not inside and self.protocol == "tcp" and plain


def ports(source: Source) -> list[Port]:
    """A service's ports, each once: those that it publishes, then those that it exposes."""
    found: dict[tuple[int, str], Port] = {}
    for number, one in enumerate(source.keys.get("ports") or ()):
        key = (int(one["target"]), str(one.get("protocol") or "tcp"))
        found.setdefault(key, Port(*key, ("ports", number), one))
    for number, text in enumerate(source.keys.get("expose") or ()):
        numbers, _, protocol = str(text).partition("/")
        first, _, last = numbers.partition("-")
        for one in range(int(first), int(last or first) + 1):
            found.setdefault((one, protocol or "tcp"), Port(one, protocol or "tcp", ("expose", number)))
    return list(found.values())


def of_container(source: Source) -> list[dict[str, Any]]:
    """The ports in a container's own words (Kubernetes API, core/v1, ContainerPort)."""
    return [{"containerPort": one.number, "protocol": one.protocol.upper()} for one in ports(source)]


def services(source: Source, aliases: Sequence[str], *, stateful: bool) -> list[dict[str, Any]]:
    """The Service of a service (Kubernetes API, core/v1, Service), and one for each other name that it is found by."""
    spec: dict[str, Any] = {"selector": source.objects.selector(source.service)}
    known = _named(source)
    if stateful or not known:
        spec["clusterIP"] = "None"
    if known:
        spec["ports"] = known
    return [
        {
            "apiVersion": "v1", "kind": "Service",
            "metadata": source.objects.metadata(name, source.service), "spec": spec,
        }
        for name in (source.name, *aliases)
    ]  # fmt: skip


def aliases(objects: Objects, found: Sequence[str]) -> dict[str, list[str]]:
    """The other names by which the services `found` are known to others, each that of one service only."""
    taken = {objects.name("services", name): name for name in objects.model["services"]}
    made: dict[str, list[str]] = {}
    for service in found:
        source = Source(objects, service)
        wanted: list[tuple[str, Path]] = [
            (str(alias), ("services", service, "networks", network, "aliases", number))
            for network, one in (source.keys.get("networks") or {}).items()
            for number, alias in enumerate(one.get("aliases") or ())
        ]
        wanted += [(alias, ("services", other, "links")) for alias, other in wiring.aliases(objects.model, service)]
        if source.keys.get("container_name"):
            wanted.append((str(source.keys["container_name"]), ("services", service, "container_name")))
        for alias, path in wanted:
            if label(alias) != alias:
                objects.warn(path, f"{alias} cannot be a name there, and nobody is found by it")
            elif taken.setdefault(alias, service) != service:
                objects.warn(path, f"{alias} is {taken[alias]} already, and a name leads to one service only")
            elif alias != source.name and alias not in made.setdefault(service, []):
                made[service].append(alias)
    return made


def ingress(objects: Objects, found: Sequence[str], host: str) -> list[dict[str, Any]]:
    """The Ingress (Kubernetes API, networking/v1) at `host` of the services `found`: the first of them to publish a
    port of HTTP is at `host` itself, any other at its name below it. Without a host, none. Warns of each published port
    that stays inside. Raises OcipipeError where there is a host and nothing for it."""
    rules: list[dict[str, Any]] = []
    for service in found:
        source = Source(objects, service)
        known = ports(source)
        web = next((one for one in known if one.is_web), None) if host else None
        for one in known:
            if one.published and one is not web:
                remedy = "--ingress is for the first port of HTTP" if host else "--ingress, or kubectl port-forward"
                source.warn(one.path, f"is reached in the cluster only, as {source.name}:{one.number}", remedy)
        if web is not None:
            backend = {"service": {"name": source.name, "port": {"number": web.number}}}
            path = {"path": "/", "pathType": "Prefix", "backend": backend}
            rules.append({"host": f"{source.name}.{host}" if rules else host, "http": {"paths": [path]}})
    if not host:
        return []
    if not rules:
        raise OcipipeError(
            "--ingress", "no service publishes a port of HTTP", "publish one, with app_protocol: http if it is unusual"
        )
    name = label(objects.project.name) or "web"
    return [{
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": objects.metadata(name),
        "spec": {"rules": rules},
    }]  # fmt: skip


def _named(source: Source) -> list[dict[str, Any]]:
    """The ports in a Service's words (Kubernetes API, core/v1, ServicePort): named, each otherwise."""
    made: dict[str, dict[str, Any]] = {}
    known = ports(source)
    usual = {f"{one.protocol}-{one.number}" for one in known}
    for one in known:
        name = one.name
        if name and (label(name) != name or name in made or name in usual):
            source.warn((*one.path, "name"), f"{name} cannot be the port's name there")
            name = ""
        name = name or f"{one.protocol}-{one.number}"
        made[name] = {"name": name, "port": one.number, "targetPort": one.number, "protocol": one.protocol.upper()}
        if one.speaks:
            made[name]["appProtocol"] = one.speaks
    return list(made.values())
