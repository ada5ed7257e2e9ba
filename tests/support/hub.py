"""docker.io, and any other registry by its name, on this machine: what examples name can be pulled and pushed.

A registry on loopback serves HTTPS under those names; the environment makes our commands reach it through a proxy
(gateway.py) and trust its certificate authority. Nothing in them knows that it is not the world.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway import Gateway
from registry import DockerRegistry, certificates

NAMES = ("registry-1.docker.io", "registry.local")


class Hub(DockerRegistry):
    """A registry with a certificate for NAMES; `ca` is the directory of its authority."""

    def _config(self) -> list[str]:
        key, certificate = certificates(self.ca)
        request, ca_key, names = (self.ca.parent / name for name in ("host.csr", "ca.key", "host.ext"))
        names.write_text("subjectAltName=" + ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in NAMES)]))
        subprocess.run(
            ["openssl", "x509", "-req", "-in", request, "-out", certificate, "-CA", self.ca / "ca.crt", "-CAkey",
             ca_key, "-CAcreateserial", "-days", "2", "-extfile", names],
            check=True, capture_output=True,
        )  # fmt: skip
        return [*super()._config(), f"  tls: {{ certificate: {certificate}, key: {key} }}"]


@contextmanager
def world(directory: Path) -> Iterator[dict[str, str]]:
    """What the environment must hold for our commands to find the registry, empty at first."""
    with Hub(directory) as hub, Gateway(hub.address) as gateway:
        trusted = {"certDir": str(hub.ca)}
        config = directory / "registries.json"
        config.write_text(json.dumps({"registries": {"docker.io": trusted, "registry.local": trusted}}))
        yield {"OCIPIPE_REGISTRIES": str(config), "HTTPS_PROXY": f"http://{gateway.address}"}
