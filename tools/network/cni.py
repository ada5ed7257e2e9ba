"""Networks that CNI plugins make (CNI 1.1, sections 2 to 4): found on the CNI path, run one after another.

Addresses of host-local are given out by us, for every network from one book that no crash makes wrong; the plugins get
them as `static` ones.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import OcipipeError, Unavailable, Unsupported
from ..host import process
from . import conflist, programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

_PLACES = "/opt/cni/bin:/usr/libexec/cni:/usr/lib/cni:/usr/local/libexec/cni:/usr/local/lib/cni"
_PACKAGE = "install the package containernetworking-plugins, or name the plugins' directory in CNI_PATH"


class Request:
    """One attachment: container, namespace ('' when it is gone), interface, and what it wants."""

    __slots__ = ("addresses", "container_id", "interface", "mac", "namespace", "ports")

    def __init__(
        self,
        container_id: str,
        namespace: str,
        interface: str,
        addresses: Sequence[Mapping[str, object]] = (),
        mac: str = "",
        ports: Sequence[Mapping[str, object]] = (),
    ) -> None:
        self.container_id = container_id
        self.namespace = namespace
        self.interface = interface
        self.addresses = addresses
        self.mac = mac
        self.ports = ports


def takes_ports(document: Document) -> bool:
    """Whether a plugin of the list publishes ports."""
    plugins: Any = document["plugins"]
    return any((plugin.get("capabilities") or {}).get("portMappings") for plugin in plugins)


def check(document: Document, env: Mapping[str, str]) -> None:
    """Raises Unavailable for a plugin that is not here."""
    plugins: Any = document["plugins"]
    for plugin in plugins:
        _find(str(plugin["type"]), env)
        ipam = (plugin.get("ipam") or {}).get("type")
        if ipam:
            _find("static" if ipam == "host-local" else str(ipam), env)


def add(document: Document, request: Request, env: Mapping[str, str]) -> Document:
    """Runs the plugins; the last one's result. When one fails, those before it are undone. Raises Unavailable."""
    plugins: Any = document["plugins"]
    version = _version(document, env)
    result: Document | None = None
    for plugin in plugins:
        try:
            result = _run("ADD", plugin, document, version, request, result, env)
        except OcipipeError:
            remove(document, request, result, env)
            raise
    return {**(result or {}), "cniVersion": conflist.VERSION, "name": document["name"]}


def remove(document: Document, request: Request, result: Document | None, env: Mapping[str, str]) -> list[str]:
    """Runs the plugins backwards, to take away what there is; what failed, for people."""
    plugins: Any = document["plugins"]
    failed = []
    try:
        version = _version(document, env)
    except OcipipeError as error:
        return [str(error)]
    for plugin in reversed(plugins):
        try:
            _run("DEL", plugin, document, version, request, result, env)
        except OcipipeError as error:
            failed.append(str(error))
    return failed


def _run(
    command: str, plugin: Mapping[str, Any], document: Document, version: str, request: Request,
    previous: Document | None, env: Mapping[str, str],
) -> Document | None:  # fmt: skip
    config = {**plugin, "cniVersion": version, "name": document["name"]}
    capabilities = config.pop("capabilities", None) or {}
    config.pop("args", None)
    runtime: Document = {}
    if capabilities.get("portMappings") and request.ports:
        runtime["portMappings"] = request.ports
    if capabilities.get("mac") and request.mac:
        runtime["mac"] = request.mac
    if runtime:
        config["runtimeConfig"] = runtime
    if (config.get("ipam") or {}).get("type") == "host-local":
        routes = config["ipam"].get("routes") or []
        config["ipam"] = {"type": "static", "addresses": list(request.addresses), "routes": routes}
    if previous is not None:
        config["prevResult"] = {
            **{key: value for key, value in previous.items() if key != "name"},
            "cniVersion": version,
        }
    name = str(plugin["type"])
    done = programs.Job(
        [_find(name, env)],
        {
            "PATH": f"{env.get('PATH', '')}:{process.SEARCH_PATH}",
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": request.container_id,
            "CNI_NETNS": request.namespace,
            "CNI_IFNAME": request.interface,
            "CNI_ARGS": f"IgnoreUnknown=1{f';MAC={request.mac}' if request.mac else ''}",
            "CNI_PATH": path(env),
        },
        jsondoc.dumps(config),
    ).result()
    if done.status:
        raise Unavailable(f"CNI plugin {name}", _why(done), f"see what network {document['name']} asks of it")
    if command != "ADD":
        return None
    try:
        return jsondoc.load_object(done.stdout, f"CNI plugin {name}")
    except FormatError as error:
        raise Unavailable(f"CNI plugin {name}", f"gave no result: {error.problem}") from None


def _why(done: process.Result) -> str:
    """The plugin's error (section 5, Error)."""
    try:
        told = jsondoc.load_object(done.stdout, "error")
    except FormatError:
        return programs.said(done)
    words = " ".join(f"{told.get('msg') or ''} {told.get('details') or ''}".split())
    return words[:1].lower() + words[1:] if words else programs.said(done)


def _version(document: Document, env: Mapping[str, str]) -> str:
    """The newest version of CNI that the document allows and every plugin speaks. Raises Unsupported."""
    plugins: Any = document["plugins"]
    allowed: set[str] | None = None
    for plugin in plugins:
        name = str(plugin["type"])
        asked = jsondoc.dumps({"cniVersion": conflist.VERSION})
        told = programs.Job([_find(name, env)], {"CNI_COMMAND": "VERSION"}, asked).done()
        speaks = set(jsondoc.load_object(told, name).get("supportedVersions") or ())  # type: ignore[call-overload]
        allowed = speaks if allowed is None else allowed & speaks
    wanted: Any = document.get("cniVersions") or [document["cniVersion"]]
    newest = max(wanted, key=_ordered)
    usable = [one for one in allowed or () if _ordered(one) <= _ordered(newest) and _ordered(one) >= (0, 4, 0)]
    if not usable:
        raise Unsupported(
            str(document["name"]), f"its plugins speak no version of CNI up to {newest}", "use newer ones"
        )
    return max(usable, key=_ordered)


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def path(env: Mapping[str, str]) -> str:
    """The directories with plugins: CNI_PATH, then where distributions put them."""
    return ":".join(filter(None, (env.get("CNI_PATH"), _PLACES)))


def _find(name: str, env: Mapping[str, str]) -> str:
    for directory in path(env).split(":"):
        candidate = os.path.join(directory, name)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise Unavailable(f"CNI plugin {name}", "is not installed", _PACKAGE)
