"""Credentials as docker and podman keep them: JSON files with `auths`, and credential helpers.

Looked up in this order: --authfile or $REGISTRY_AUTH_FILE alone; else $XDG_RUNTIME_DIR/containers/auth.json (podman's),
then $DOCKER_CONFIG/config.json or ~/.docker/config.json. A credential is never printed, nor part of any error.
"""

from __future__ import annotations

import binascii
import os

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Denied, NotFound, Unavailable
from ..host import files, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.jsondoc import Document

DOCKER_HUB = "https://index.docker.io/v1/"
"""The key that docker keeps docker.io's credentials under."""
_LIMIT = 1 << 20
_TOKEN_USER = "<token>"
"""The user name with which a helper answers an identity token."""


class Credential:
    """User name and password, or an identity token (OAuth2 refresh token)."""

    __slots__ = ("identity_token", "password", "username")

    def __init__(self, username: str = "", password: str = "", identity_token: str = "") -> None:
        self.username = username
        self.password = password
        self.identity_token = identity_token

    def __repr__(self) -> str:
        return "Credential(…)"


class Keychain:
    """Where this user's credentials are."""

    def __init__(self, env: Mapping[str, str], authfile: str | None, user: int) -> None:
        self._env = env
        explicit = authfile or env.get("REGISTRY_AUTH_FILE")
        docker = os.path.join(
            env.get("DOCKER_CONFIG") or os.path.join(env.get("HOME") or "/root", ".docker"), "config.json"
        )
        runtime = env.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
        podman = os.path.join(runtime, "containers/auth.json")
        self.paths = [explicit] if explicit else [podman, f"/run/containers/{user}/auth.json", docker]
        self.writable = explicit or docker

    def find(self, registry: str, repository: str = "") -> Credential | None:
        """The credential for a repository of a registry, the most specific key first; None where there is none.

        Raises FormatError for a file that is no JSON, Unavailable when a helper fails.
        """
        for path in self.paths:
            document = _load(path)
            found = self._from_helper(document, registry) or _from_auths(document, registry, repository)
            if found is not None:
                return found
        return None

    def save(self, registry: str, credential: Credential) -> str:
        """Keeps a credential where docker would; says where. Raises Unavailable, Denied."""
        document = _load(self.writable)
        helper = self._helper(document, registry)
        if helper:
            secret = {
                "ServerURL": _key(registry),
                "Username": credential.username or _TOKEN_USER,
                "Secret": credential.identity_token or credential.password,
            }
            self._call(helper, "store", jsondoc.dumps(secret))
            return f"docker-credential-{helper}"
        auths: dict[str, object] = dict(document.get("auths") or {})  # type: ignore[call-overload]
        entry: dict[str, object] = {"auth": _basic(credential)}
        if credential.identity_token:
            entry = {"auth": _basic(Credential(credential.username)), "identitytoken": credential.identity_token}
        auths[_key(registry)] = entry
        self._write({**document, "auths": auths})
        return self.writable

    def erase(self, registry: str) -> bool:
        """Forgets a credential wherever it is kept; False when there was none."""
        found = False
        for path in self.paths:
            document = _load(path)
            helper = self._helper(document, registry)
            if helper and self._from_helper(document, registry) is not None:
                self._call(helper, "erase", _key(registry).encode())
                found = True
            auths: dict[str, object] = dict(document.get("auths") or {})  # type: ignore[call-overload]
            stale = [key for key in auths if _normal(key) == _normal(_key(registry))]
            for key in stale:
                del auths[key]
                found = True
            if stale:
                self._write({**document, "auths": auths}, path)
        return found

    def _write(self, document: Document, path: str = "") -> None:
        path = path or self.writable
        try:
            files.make_directories(os.path.dirname(os.path.abspath(path)), 0o700)
            files.write_atomic(path, jsondoc.dumps(document) + b"\n", 0o600)
        except OSError as error:
            raise Denied(
                path, f"cannot be written: {os.strerror(error.errno or 0).lower()}", "use --authfile"
            ) from None

    def _helper(self, document: Document, registry: str) -> str:
        helpers: Mapping[str, str] = document.get("credHelpers") or {}  # type: ignore[assignment]
        for key, name in helpers.items():
            if _normal(key) == _normal(_key(registry)):
                return name
        return str(document.get("credsStore") or "")

    def _from_helper(self, document: Document, registry: str) -> Credential | None:
        helper = self._helper(document, registry)
        if not helper:
            return None
        answer = self._call(helper, "get", _key(registry).encode())
        if answer is None:
            return None
        found = jsondoc.load_object(answer, f"docker-credential-{helper}")
        username, secret = str(found.get("Username") or ""), str(found.get("Secret") or "")
        if username == _TOKEN_USER:
            return Credential(identity_token=secret)
        return Credential(username, secret) if username else None

    def _call(self, helper: str, verb: str, data: bytes) -> bytes | None:
        """A helper's answer; None when it has no such credential."""
        name = f"docker-credential-{helper}"
        program = process.find(name, self._env.get("PATH", ""))
        if program is None or "/" in helper:
            raise Unavailable(name, "the credential helper is not installed", "install it, or change credsStore")
        result = process.run([program, verb], env=self._env, input=data)
        if result.status == 0:
            return result.stdout
        if b"credentials not found" in result.stdout + result.stderr:
            return None
        raise Unavailable(
            name, f"the credential helper failed on {verb} with status {result.status}", "run it by hand to see why"
        )


def _load(path: str) -> Document:
    try:
        return jsondoc.load_object(files.read_limited(path, _LIMIT), path)
    except (NotFound, PermissionError, NotADirectoryError):
        return {}


def _from_auths(document: Document, registry: str, repository: str) -> Credential | None:
    auths = document.get("auths")
    if not isinstance(auths, dict):
        return None
    known = {_normal(key): value for key, value in auths.items()}
    wanted = _normal(_key(registry))
    path = repository
    while True:
        entry = known.get(f"{registry}/{path}" if path else wanted)
        if isinstance(entry, dict):
            return _decode(entry, registry)
        if not path:
            return None
        path = path.rpartition("/")[0]


def _decode(entry: Mapping[str, object], registry: str) -> Credential | None:
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    auth = entry.get("auth")
    if auth:
        try:
            username, _, password = binascii.a2b_base64(str(auth)).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise FormatError(
                f"credentials for {registry}", "the `auth` is no base64 text (log in again with reg-login)"
            ) from None
    token = str(entry.get("identitytoken") or "")
    return Credential(username, password.rstrip("\0"), token) if username or token else None


def _basic(credential: Credential) -> str:
    return binascii.b2a_base64(f"{credential.username}:{credential.password}".encode(), newline=False).decode()


def _key(registry: str) -> str:
    return DOCKER_HUB if registry == "docker.io" else registry


def _normal(key: str) -> str:
    """Docker has written keys as host, https://host and https://host/v1/; each stands for the host."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    for suffix in ("/v1", "/v2"):
        bare = bare.removesuffix(suffix)
    return "docker.io" if bare in ("index.docker.io", "registry-1.docker.io") else bare
