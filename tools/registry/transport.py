"""HTTP to one registry: schemes, certificates, retries, redirects, authentication. The only importer of requests.

HTTPS, and plain HTTP only to this machine or where the user allowed it. What may pass by itself is tried again with
growing pauses: 408, 429 (for as long as Retry-After says), 5xx, broken connections. Credentials never follow a redirect
to another host, and no URL in an error shows its query, which may be a signature.
"""

from __future__ import annotations

import os
import ssl
import time
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from oci_spec import distribution

from .. import __version__
from ..errors import Denied, OcipipeError, Unavailable
from .auth import Authenticator
from .failures import Broken, explain, retry_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from requests import PreparedRequest
    from requests import Response as Response

    from .credentials import Credential
    from .settings import Registry

    Sleep = Callable[[float], None]

ATTEMPTS = 6
"""How often one request is tried in all."""
CHUNK = 1 << 18
"""Bytes read from the network at a time."""
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for the next bytes."""
_PATIENCE = 120.0
"""The longest Retry-After, in seconds, that is waited for rather than reported."""
_PASSING = frozenset((408, 429, 500, 502, 503, 504))


class Transport:
    """Requests to one registry, from any number of threads."""

    def __init__(
        self,
        registry: Registry,
        credential: Credential | None,
        *,
        random: Callable[[int], bytes] = os.urandom,
        sleep: Sleep = time.sleep,
        connections: int = 16,
    ) -> None:
        self.registry = registry
        self.subject = registry.name
        self._random = random
        self._sleep = sleep
        self._connections = connections
        self._session: _Session | None = None
        self._base = ""
        self.auth = Authenticator(self.subject, credential, self._fetch_token, insecure=registry.insecure)

    def request(
        self,
        method: str,
        path: str,
        *,
        subject: str,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        repeatable: bool = True,
    ) -> Response:
        """One request to a path of the registry or to a URL that it named; the answer's body is not read yet.

        Answers are returned whatever their status, but for those that pass by themselves. With `repeatable` false (a
        streamed body) nothing is tried twice, and a broken connection raises Broken. Raises Unavailable, Denied.
        """
        url = urljoin(self.base(subject) + "/", path)
        own = urlsplit(url).netloc == urlsplit(self._base).netloc
        challenged = False
        attempt = 1
        while True:
            try:
                sent = dict(headers or {})
                if own:
                    sent.update(self.auth.headers(scopes))
                response = self._send(method, url, sent, data)
            except Broken as broken:
                if not repeatable:
                    raise
                if attempt >= ATTEMPTS:
                    raise self.unreachable(subject, broken.problem) from None
                self._pause(attempt)
                attempt += 1
                continue
            if response.status_code == 401 and own and not challenged:
                challenged = True
                if self.auth.challenged(response.headers.get("WWW-Authenticate", ""), scopes) and (
                    repeatable or data is None
                ):
                    response.close()
                    continue
            if response.status_code in _PASSING and repeatable and attempt < ATTEMPTS:
                wait = retry_after(response.headers)
                if wait <= _PATIENCE:
                    response.close()
                    self._pause(attempt, wait)
                    attempt += 1
                    continue
            return response

    def base(self, subject: str) -> str:
        """`scheme://host` of the API. Where the scheme is open it is found out by asking. Raises Unavailable."""
        if not self._base:
            registry = self.registry
            if registry.loopback:
                self._base = self._first_that_answers(("http", "https"), subject)
            elif registry.insecure:
                self._base = self._first_that_answers(("https", "http"), subject)
            else:
                self._base = f"https://{registry.host}"
        return self._base

    def body(self, response: Response) -> Iterator[bytes]:
        """The answer's body as it comes, undecoded. Raises Broken when it ends before it should."""
        try:
            while chunk := response.raw.read(CHUNK, decode_content=False):
                yield chunk
        except Exception as error:
            raise Broken(explain(error)) from None
        finally:
            response.close()

    def limited(self, response: Response, limit: int, subject: str) -> bytes:
        """A whole body of at most `limit` bytes. Raises Unavailable when it breaks off or is longer."""
        parts: list[bytes] = []
        size = 0
        try:
            for chunk in self.body(response):
                size += len(chunk)
                if size > limit:
                    raise Unavailable(subject, f"the registry's answer is longer than {limit} bytes")
                parts.append(chunk)
        except Broken as broken:
            raise self.unreachable(subject, broken.problem) from None
        return b"".join(parts)

    def pause(self, attempt: int) -> None:
        """Waits before the next attempt: 0.1 s doubling, half of it by chance."""
        self._pause(attempt)

    def unreachable(self, subject: str, problem: str) -> OcipipeError:
        """The error for a registry that can't be talked to."""
        if "certificate" in problem:
            return Unavailable(
                subject,
                f"cannot trust {self.registry.host}: {problem}",
                "put its CA certificate into --cert-dir, or use --tls-verify=false",
            )
        return Unavailable(
            subject, f"cannot reach {self.registry.host}: {problem}", "check the address and that the registry is up"
        )

    def _first_that_answers(self, schemes: tuple[str, str], subject: str) -> str:
        problem = ""
        for attempt in range(1, ATTEMPTS + 1):
            for scheme in schemes:
                try:
                    if self._answers(scheme):
                        return f"{scheme}://{self.registry.host}"
                except Broken as broken:
                    problem = problem or broken.problem
                    if "refused" in problem or "resolve" in problem:
                        raise self.unreachable(subject, problem) from None
            self._pause(attempt)
        raise self.unreachable(subject, problem or "it answers neither http nor https")

    def _answers(self, scheme: str) -> bool:
        """Whether the registry speaks this scheme; one that wants TLS may say so over plain HTTP."""
        response = self._send("GET", f"{scheme}://{self.registry.host}{distribution.PING}", {}, None)
        try:
            wants_tls = response.status_code == 400 and b"HTTPS" in response.raw.read(4096, decode_content=True)
            return not (scheme == "http" and wants_tls)
        finally:
            response.close()

    def _send(self, method: str, url: str, headers: Mapping[str, str], data: Any) -> Response:
        if self._session is None:
            self._session = _Session(self.registry, self._connections)
        try:
            return self._session.request(
                method,
                url,
                headers=headers,
                data=data,
                stream=True,
                timeout=TIMEOUT,
                auth=_keep,
                verify=not self.registry.insecure,
                allow_redirects=method in ("GET", "HEAD"),
            )
        except requests.RequestException as error:
            raise Broken(explain(error)) from None

    def _fetch_token(self, method: str, url: str, headers: Mapping[str, str], form: Any) -> tuple[int, bytes]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._send(method, url, headers, form)
                if response.status_code in _PASSING and attempt < ATTEMPTS:
                    response.close()
                else:
                    return response.status_code, self.limited(response, 1 << 20, self.subject)
            except Broken as broken:
                if attempt == ATTEMPTS:
                    host = urlsplit(url).netloc
                    raise Unavailable(
                        self.subject, f"cannot reach its token service {host}: {broken.problem}"
                    ) from None
            self._pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, attempt: int, at_least: float = 0.0) -> None:
        share = int.from_bytes(self._random(2), "big") / 65535
        self._sleep(max(at_least, 0.1 * 2 ** (attempt - 1) * (0.5 + share / 2)))


class _Session(requests.Session):
    """requests, but the system's trust store plus the registry's own, and no credentials on a redirect elsewhere."""

    def __init__(self, registry: Registry, connections: int) -> None:
        super().__init__()
        self.headers.update({"User-Agent": f"ocipipe/{__version__}", "Accept-Encoding": "identity"})
        self.mount("http://", HTTPAdapter(pool_maxsize=connections))
        self.mount("https://", _Adapter(registry, pool_maxsize=connections))

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Drops Authorization when the redirect leaves the host; takes nothing from ~/.netrc."""
        if self.should_strip_auth(response.request.url, prepared_request.url):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)


class _Adapter(HTTPAdapter):
    """HTTPS with the certificates that are meant for one registry."""

    def __init__(self, registry: Registry, **options: Any) -> None:
        self._registry = registry
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context(), **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context(), **options)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._registry.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        for directory in self._registry.cert_dirs:
            for name in sorted(os.listdir(directory)):
                path = os.path.join(directory, name)
                try:
                    if name.endswith(".crt"):
                        context.load_verify_locations(cafile=path)
                    elif name.endswith(".cert"):
                        context.load_cert_chain(path, path.removesuffix(".cert") + ".key")
                except (OSError, ssl.SSLError) as error:
                    raise Denied(
                        path, f"cannot be used: {error.strerror or error}".lower(), "see the files in the directory"
                    ) from None
        return context


def _keep(request: PreparedRequest) -> PreparedRequest:
    """Authentication that changes nothing: given to requests, so that it doesn't look into ~/.netrc."""
    return request
