"""One HTTP exchange at a time: connections, certificates, proxies. The only importer of requests.

Nothing is tried twice here, no redirect is followed and no credential is known: client.py decides on all that. What
goes wrong on the way is told as Broken, in words for people and without the URL, which may hold a signature.
"""

from __future__ import annotations

import os
import re
import ssl
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from oci_spec import distribution

from .. import __version__
from ..errors import Denied
from .proxies import proxy_for
from .retry import Broken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from requests import PreparedRequest, Response

    from .settings import Registry

CHUNK = 1 << 18
"""Bytes read from the network at a time: measured, larger is no faster."""
TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and to wait for the next bytes."""
CONNECTIONS = 16
"""How many connections to one host are kept for further requests."""
_ERROR_LIMIT = 1 << 16
"""Bytes of an error's body that are looked at."""


class Body:
    """A request's body of a known length that is sent chunk by chunk."""

    def __init__(self, chunks: Iterable[bytes], length: int) -> None:
        self._chunks = chunks
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


class Answer:
    """An HTTP answer whose body is still to be read, once, by `chunks` or `some`; or is dropped by `close`.

    `length` is the body's Content-Length, None where the server doesn't say. `headers` know no upper and lower case.
    """

    def __init__(self, response: Response) -> None:
        self._response = response
        self.status = response.status_code
        self.url = response.url
        self.headers: Mapping[str, str] = CaseInsensitiveDict(response.headers)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        self.length = None if chunked else distribution.parse_count(self.headers.get("Content-Length", ""))
        self._some: bytes | None = None

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes, undecoded. Raises Broken when it ends before Content-Length says."""
        count = 0
        try:
            while chunk := self._response.raw.read(CHUNK, decode_content=False):
                count += len(chunk)
                yield chunk
        except Exception as error:
            raise _broken(error) from None
        finally:
            self.close()
        if self.length is not None and count < self.length:
            raise Broken(f"the connection was closed after {count} of {self.length} bytes")

    def some(self) -> bytes:
        """The beginning of an error's body, as much as can be had; may be asked for again."""
        if self._some is None:
            parts: list[bytes] = []
            try:
                for chunk in self.chunks():
                    parts.append(chunk)
                    if sum(map(len, parts)) >= _ERROR_LIMIT:
                        break
            except Broken:
                pass  # the status has been told; these are only words about it
            self._some = b"".join(parts)[:_ERROR_LIMIT]
        return self._some

    def close(self) -> None:
        """Drops what was not read. The connection can be used again where that is little, or nothing."""
        raw = self._response.raw
        if raw.length_remaining is not None and raw.length_remaining <= _ERROR_LIMIT:
            raw.drain_conn()
        self._response.close()


class Transport:
    """Exchanges with one registry and the hosts that it sends us to, from any number of threads.

    Every HTTPS host is checked against the system's certificate authorities (or those of REQUESTS_CA_BUNDLE) and the
    registry's own; client certificates are shown to the registry alone. ~/.netrc is not looked into.
    """

    def __init__(self, registry: Registry, env: Mapping[str, str]) -> None:
        self._registry = registry
        self._env = env
        self._session = _Session()
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": f"ocipipe/{__version__}", "Accept-Encoding": "identity"})
        self._session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))
        self._knows_tls = False
        if registry.insecure:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | Body | None) -> Answer:
        """One request, one answer. Raises Broken; Denied for a certificate file that can't be used."""
        if url.startswith("https:") and not self._knows_tls:
            self._prepare_tls()
        proxy = proxy_for(url, self._env)
        proxies = {"http": proxy, "https": proxy} if proxy else None
        try:
            response = self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                stream=True,
                timeout=TIMEOUT,
                proxies=proxies,
                verify=not self._registry.insecure,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise _broken(error) from None
        except urllib3.exceptions.HTTPError as error:  # requests lets a few of them through
            raise _broken(error) from None
        return Answer(response)

    def _prepare_tls(self) -> None:
        """Reading the authorities takes as long as the whole start of Python, so it is left until it is needed."""
        own = f"https://{self._registry.host.lower()}/"
        self._session.mount("https://", _Adapter(self._context(client=False)))
        if any(name.endswith(".cert") for _, name in self._certificates()):
            self._session.mount(own, _Adapter(self._context(client=True)))
        self._knows_tls = True

    def _context(self, *, client: bool) -> ssl.SSLContext:
        bundle = self._env.get("REQUESTS_CA_BUNDLE") or self._env.get("CURL_CA_BUNDLE")
        path = bundle or "the system's certificate authorities"
        try:
            if bundle and os.path.isdir(bundle):
                context = ssl.create_default_context(capath=bundle)
            else:
                context = ssl.create_default_context(cafile=bundle)
            for directory, name in self._certificates():
                path = os.path.join(directory, name)
                if name.endswith(".crt"):
                    context.load_verify_locations(cafile=path)
                elif name.endswith(".cert") and client:
                    context.load_cert_chain(path, path.removesuffix(".cert") + ".key")
        except (OSError, ssl.SSLError) as error:
            reason = error.strerror or str(error)
            raise Denied(path, f"cannot be used: {reason.lower()}", "see that it is readable and in PEM form") from None
        if self._registry.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _certificates(self) -> Iterator[tuple[str, str]]:
        for directory in self._registry.cert_dirs:
            try:
                names = sorted(os.listdir(directory))
            except OSError as error:
                why = os.strerror(error.errno or 0).lower()
                raise Denied(directory, f"cannot be read: {why}", "see the directory's mode") from None
            yield from ((directory, name) for name in names)


class _Session(requests.Session):
    """A session that doesn't look where answers lead: requests would, even when told not to follow."""

    def get_redirect_target(self, resp: Response) -> None:
        return None


class _Adapter(HTTPAdapter):
    """HTTPS under a TLS context of our making, and no other certificates than those in it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_maxsize=CONNECTIONS)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._context, **options)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Says only whether to check: what requests would add here is a list of authorities of its own."""
        conn.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"

    def build_connection_pool_key_attributes(self, request: PreparedRequest, verify: Any, cert: Any = None) -> Any:
        parts = urlsplit(request.url or "")
        checks = {"cert_reqs": "CERT_REQUIRED" if verify else "CERT_NONE"}
        return {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port}, checks


_NO_CONNECTION = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.SSLError,
    ssl.SSLError,
    requests.exceptions.InvalidURL,
)


def _broken(error: BaseException) -> Broken:
    """What an exception of the libraries below means, from the innermost reason that has words."""
    chain = list(_chain(error))
    connected = not any(isinstance(one, _NO_CONNECTION) for one in chain)
    via = "its proxy: " if any(isinstance(one, requests.exceptions.ProxyError) for one in chain) else ""
    for one in reversed(chain):
        name = type(one).__name__
        if isinstance(one, ssl.SSLCertVerificationError):
            return Broken(f"its certificate is not valid: {one.verify_message}", connected=False, certificate=True)
        if isinstance(one, TimeoutError) or "Timeout" in name:
            return Broken(f"{via}no answer in time", connected=connected)
        if name in ("gaierror", "NameResolutionError"):
            return Broken(f"{via}the name does not resolve", connected=False)
        if isinstance(one, ssl.SSLError):
            reason = (one.reason or "the handshake broke off").replace("_", " ").lower()
            return Broken(f"{via}TLS failed: {reason}", connected=connected)
        if name == "RemoteDisconnected":
            return Broken("the connection was closed without an answer", connected=connected)
        if isinstance(one, OSError) and one.strerror:
            return Broken(via + one.strerror.lower(), connected=connected)
        if isinstance(one, OSError) and via and "Tunnel" in str(one):
            return Broken(via + re.sub(r"\s+", " ", str(one)).lower(), connected=False)
    return Broken(f"{via}no HTTP that we understand ({type(chain[-1]).__name__})", connected=connected)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and its reasons, outermost first."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        inner = getattr(current, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((part for part in current.args if isinstance(part, BaseException)), None)
        current = inner or current.__cause__ or current.__context__
