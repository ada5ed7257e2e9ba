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
from ..host import files, locks, process
from .settings import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        self._authfile = authfile
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

        Raises FormatError for a file that is no JSON, Unavailable when a helper fails, NotFound for an --authfile that
        is not there.
        """
        if self._authfile and not os.path.exists(self._authfile):
            raise NotFound(self._authfile, "no such file", "reg-login --authfile makes it")
        for path in self.paths:
            document = _load(path)
            found = self._from_helper(document, registry) or _from_auths(document, registry, repository)
            if found is not None:
                return found
        return None

    def save(self, registry: str, credential: Credential) -> str:
        """Keeps a credential where docker would; says where. Raises Unavailable, Denied."""
        document = _load(self.writable)
        helper = _helper(document, registry)
        if helper:
            secret = {
                "ServerURL": _key(registry),
                "Username": _TOKEN_USER if credential.identity_token else credential.username,
                "Secret": credential.identity_token or credential.password,
            }
            self._call(helper, "store", jsondoc.dumps(secret))
            return f"docker-credential-{helper}"
        entry: dict[str, object] = {"auth": _basic(credential)}
        if credential.identity_token:
            entry = {"auth": _basic(Credential(credential.username)), "identitytoken": credential.identity_token}
        self._change(self.writable, lambda auths: auths.update({_key(registry): entry}))
        return self.writable

    def erase(self, registry: str) -> bool:
        """Forgets a credential wherever it is kept; False when there was none."""
        found = False
        for path in self.paths:
            document = _load(path)
            helper = _helper(document, registry)
            if helper and self._from_helper(document, registry) is not None:
                self._call(helper, "erase", _key(registry).encode())
                found = True
            if any(_normal(key) == registry for key in _section(document, "auths")):
                self._change(path, lambda auths: _drop(auths, registry))
                found = True
        return found

    def _change(self, path: str, change: Callable[[dict[str, object]], None]) -> None:
        """Changes `auths` in a file and nothing else; who comes at the same time waits. Raises Denied."""
        path = os.path.realpath(path)  # who keeps it elsewhere and links to it keeps the link
        directory = os.path.dirname(path)
        try:
            files.make_directories(directory, 0o700)
            with locks.locked(directory):
                document = _load(path)
                auths = dict(_section(document, "auths"))
                change(auths)
                files.write_atomic(path, jsondoc.dumps({**document, "auths": auths}) + b"\n", 0o600)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise Denied(path, f"cannot be written: {why}", "use --authfile") from None

    def _from_helper(self, document: Document, registry: str) -> Credential | None:
        helper = _helper(document, registry)
        if not helper:
            return None
        answer = self._call(helper, "get", _key(registry).encode())
        if answer is None:
            return None
        try:
            found = jsondoc.load_object(answer, "its answer")
        except FormatError:  # whose text might show what it found instead
            raise Unavailable(
                f"docker-credential-{helper}",
                "the credential helper's answer is no JSON object",
                "run it by hand to see",
            ) from None
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
        document = jsondoc.load_object(files.read_limited(path, _LIMIT), path)
    except (NotFound, PermissionError, NotADirectoryError):
        return {}
    for name in ("auths", "credHelpers"):
        if not isinstance(document.get(name, {}), dict):
            raise FormatError(path, "must be an object", f"/{name}")
    return document


def _section(document: Document, name: str) -> Mapping[str, object]:
    return document.get(name, {})  # type: ignore[return-value]  # _load has seen to it


def _drop(auths: dict[str, object], registry: str) -> None:
    for key in [key for key in auths if _normal(key) == registry]:
        del auths[key]


def _helper(document: Document, registry: str) -> str:
    for key, name in _section(document, "credHelpers").items():
        if _normal(key) == registry:
            return str(name)
    return str(document.get("credsStore") or "")


def _from_auths(document: Document, registry: str, repository: str) -> Credential | None:
    known = {_normal(key): value for key, value in _section(document, "auths").items()}
    path = repository
    while True:
        entry = known.get(f"{registry}/{path}" if path else registry)
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
            text = binascii.a2b_base64(str(auth).encode()).decode("utf-8", "surrogateescape")
            username, _, password = text.partition(":")
        except binascii.Error:
            raise FormatError(
                f"credentials for {registry}", "the `auth` is no base64 text (log in again with reg-login)"
            ) from None
    token = str(entry.get("identitytoken") or "")
    return Credential(username, password.rstrip("\0"), token) if username or token else None


def _basic(credential: Credential) -> str:
    text = f"{credential.username}:{credential.password}"
    return binascii.b2a_base64(text.encode("utf-8", "surrogateescape"), newline=False).decode()


def _key(registry: str) -> str:
    return DOCKER_HUB if registry == "docker.io" else registry


def _normal(key: str) -> str:
    """The registry (or registry/namespace, podman's) that a key stands for.

    Docker has written keys as host, https://host and https://host/v1/; each stands for the host.
    """
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, slash, path = bare.partition("/")
    host = canonical(host)
    if path in ("v1", "v2") and (bare != key or host == "docker.io"):
        return host
    return host + slash + path
