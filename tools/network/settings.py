"""What options of docker's bridge driver (`docker network create --opt`) are in a configuration list. Pure.

enable_icc               false: containers on the network do not reach one another. CNI's word is portIsolation
host_binding_ipv4        the host's address that ports are published on which name none; 0.0.0.0 stands for all, as
                         without
container_iface_prefix   what interfaces in containers are called, before their number; eth without
"""

from __future__ import annotations

from ..errors import UsageError
from . import addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.jsondoc import Document

ICC, BINDING = "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.host_binding_ipv4"
PREFIX = "com.docker.network.container_iface_prefix"
BRIDGE = (ICC, BINDING, PREFIX)
_LONGEST_PREFIX = 12
"""An interface's name has at most 15 characters, and this leaves three digits."""
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def of_bridge(options: Mapping[str, str]) -> tuple[Document, Document]:
    """What BRIDGE's options are among the plugin's own keys, and among ours. Raises UsageError."""
    plugin: Document = {}
    own: Document = {}
    if ICC in options:
        reaches = _TRUTH.get(options[ICC].lower())
        if reaches is None:
            raise UsageError(f"--opt {ICC}={options[ICC]}", "is neither true nor false", "write false")
        if not reaches:
            plugin["portIsolation"] = True
    if BINDING in options:
        version, number = addresses.parse(options[BINDING], "address of this host to publish on")
        if version != 4:
            raise UsageError(f"--opt {BINDING}={options[BINDING]}", "is no address of IPv4", "like 127.0.0.1")
        if number:
            own["hostBinding"] = addresses.text(version, number)
    if PREFIX in options:
        prefix = options[PREFIX]
        if not 0 < len(prefix) <= _LONGEST_PREFIX or not prefix.isprintable() or set(prefix) & set("/ :,"):
            raise UsageError(f"--opt {PREFIX}={prefix}", "is no beginning of an interface's name",
                             f"at most {_LONGEST_PREFIX} characters, like lan")  # fmt: skip
        own["interfacePrefix"] = prefix
    return plugin, own
