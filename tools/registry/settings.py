"""How each registry is reached: the configuration file, and what one command line says beside it.

The file is JSON (type `registries`): /etc/ocipipe/registries.json, then $XDG_CONFIG_HOME/ocipipe/registries.json whose
entries win, or $OCIPIPE_REGISTRIES instead of both.

    {"registries": {"docker.io": {"mirrors": ["127.0.0.1:5000/hub"]},
                    "registry.lab": {"insecure": true, "certDir": "/etc/lab/certs"}}}

`mirrors` (host[:port][/prefix]) are asked first when pulling, in their order, and passed over when they fail or give
something wrong; each is reached as its own entry says. `insecure` asks no certificate and allows plain HTTP. `certDir`
holds the registry's *.crt, *.cert and *.key, beside what lies in certs.d/HOST below /etc/ocipipe, /etc/containers and
/etc/docker.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc, validate

from ..errors import NotFound, UsageError
from ..host import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LIMIT = 1 << 20
_CERT_DIRECTORIES = ("/etc/ocipipe/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d")
API_HOSTS = {"docker.io": "registry-1.docker.io"}
"""Where a registry's API is, when not at its name."""
_ALIASES = {"index.docker.io": "docker.io", "registry-1.docker.io": "docker.io"}


class Access:
    """What a command line says about reaching registries; each None or True means: as configured."""

    __slots__ = ("authfile", "cert_dir", "tls_verify")

    def __init__(self, *, tls_verify: bool = True, cert_dir: str | None = None, authfile: str | None = None) -> None:
        self.tls_verify = tls_verify
        self.cert_dir = cert_dir
        self.authfile = authfile

    @classmethod
    def of(cls, args: Any) -> Access:
        """From the arguments of a command with the options of cli.options.REGISTRY. Raises UsageError."""
        if args.cert_dir and not os.path.isdir(args.cert_dir):
            raise UsageError(args.cert_dir, "is no directory", "give --cert-dir the directory with the *.crt files")
        return cls(tls_verify=args.tls_verify, cert_dir=args.cert_dir, authfile=args.authfile)


class Registry:
    """How one registry is reached. `cert_dirs` hold CA files (*.crt) and client pairs (*.cert, *.key)."""

    __slots__ = ("cert_dirs", "host", "insecure", "mirrors", "name")

    def __init__(self, name: str, mirrors: list[str], insecure: bool, cert_dirs: list[str]) -> None:
        self.name = name
        self.host = API_HOSTS.get(name, name)
        self.mirrors = mirrors
        self.insecure = insecure
        self.cert_dirs = cert_dirs

    @property
    def loopback(self) -> bool:
        """Whether it can only be this machine, where plain HTTP is safe."""
        return is_loopback(self.host)


class Settings:
    """The configuration of all registries."""

    def __init__(self, env: Mapping[str, str], access: Access) -> None:
        self._access = access
        self._entries: dict[str, dict[str, object]] = {}
        for path in _paths(env):
            self._entries.update({canonical(name): entry for name, entry in _load(path).items()})
        explicit = env.get("OCIPIPE_REGISTRIES")
        if explicit and not os.path.exists(explicit):
            raise NotFound(explicit, "no such file", "OCIPIPE_REGISTRIES names the registries' configuration")

    def registry(self, name: str) -> Registry:
        """How the registry `name` (host[:port], docker.io) is reached. The name is canonical."""
        entry = self._entries.get(name, {})
        mirrors: list[str] = entry.get("mirrors") or []  # type: ignore[assignment]
        own = entry.get("certDir")
        places = [self._access.cert_dir, str(own) if own else None, *(f"{base}/{name}" for base in _CERT_DIRECTORIES)]
        return Registry(
            name,
            list(mirrors),
            bool(entry.get("insecure")) or not self._access.tls_verify,
            [place for place in places if place and os.path.isdir(place)],
        )


def canonical(name: str) -> str:
    """A registry's name as settings and credentials go by it: in lower case, and docker.io goes by several."""
    name = name.lower()
    return _ALIASES.get(name, name)


def is_loopback(host: str) -> bool:
    """Whether host[:port] is this machine by its name alone: 127.0.0.0/8, ::1 or localhost."""
    name = host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]
    parts = name.split(".")
    numeric = len(parts) == 4 and all(part.isdigit() for part in parts)
    return name in ("localhost", "::1") or (numeric and parts[0] == "127")


def _paths(env: Mapping[str, str]) -> list[str]:
    if env.get("OCIPIPE_REGISTRIES"):
        return [env["OCIPIPE_REGISTRIES"]]
    home = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME") or "/root", ".config")
    return ["/etc/ocipipe/registries.json", os.path.join(home, "ocipipe/registries.json")]


def _load(path: str) -> dict[str, dict[str, object]]:
    try:
        data = files.read_limited(path, _LIMIT)
    except (NotFound, PermissionError, NotADirectoryError):
        return {}
    document = validate.check("registries", jsondoc.load_object(data, path), path)
    return document["registries"]  # type: ignore[return-value]
