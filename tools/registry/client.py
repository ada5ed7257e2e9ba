"""Requests to one registry: its scheme, who we are, redirects, and what is tried again.

HTTPS, and plain HTTP only to this machine or where the user allowed it. A credential goes to the registry's own origin
(scheme, host and port) and nowhere else, whatever an answer redirects to or names as a location.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from oci_spec import distribution

from ..errors import Corrupt, Denied, OcipipeError, Unavailable
from .auth import Authenticator
from .retry import ATTEMPTS, PASSING, PATIENCE, Backoff, Broken, retry_after
from .settings import is_loopback
from .urls import origin, same_host, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..context import Context
    from .credentials import Credential
    from .retry import Random, Sleep
    from .settings import Registry
    from .transport import Answer, Body, Transport

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS = 8
_TOKEN_LIMIT = 1 << 20
_NOBODY: Mapping[str, str] = {}


class Client:
    """Talks to one registry, from any number of threads. Nothing is imported or sent before the first request.

    `env` names proxies and certificate authorities, `clock` is seconds of a clock that never goes back.
    """

    def __init__(
        self,
        registry: Registry,
        credential: Credential | None,
        *,
        env: Mapping[str, str],
        random: Random,
        sleep: Sleep,
        clock: Callable[[], float],
    ) -> None:
        self.registry = registry
        self._env = env
        self._backoff = Backoff(random, sleep)
        self._transport: Transport | None = None
        self._base = ""
        self._met = False
        self.auth = Authenticator(registry.name, credential, self._fetch_token, self.allows, clock)

    @classmethod
    def of(cls, ctx: Context, registry: Registry, credential: Credential | None) -> Client:
        """With the command's environment and chance, and real time."""
        import time

        return cls(registry, credential, env=ctx.env, random=ctx.random, sleep=time.sleep, clock=time.monotonic)

    @property
    def host(self) -> str:
        """host[:port] of the API, for messages."""
        return self.registry.host

    def ask(
        self,
        method: str,
        target: str,
        *,
        subject: str,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        stream: Body | None = None,
    ) -> Answer:
        """The answer to one request for a path of the API, or for a URL that the registry named.

        Answers of every status are returned, but for those that pass by themselves. A streamed body is sent only once:
        then Broken is raised where any other request would be tried again. Raises Unavailable, Denied.
        """
        url = self._absolute(self.base(subject), target)
        own = origin(url) == origin(self._base)
        if not own and not self.allows(url):
            raise Denied(subject, f"{self.host} names {shown(url)}, which is not https", "ask who runs the registry")
        challenged = False
        attempt = 1
        while True:
            try:
                private = self.auth.headers(scopes) if own else _NOBODY
                answer = self._follow(method, url, headers or _NOBODY, private, stream or body, subject)
                self._met = True
                if answer.status == 401 and not challenged and origin(answer.url) == origin(self._base):
                    challenged = True
                    if self.auth.challenged(answer.headers.get("WWW-Authenticate", ""), scopes):
                        answer.close()
                        if stream is not None:
                            raise Broken("it asked again who we are")
                        continue
                wait = retry_after(answer.headers)
                if answer.status in PASSING and wait <= PATIENCE and attempt < ATTEMPTS:
                    answer.close()
                    raise Broken(f"it answered with status {answer.status}", wait=wait)
                return answer
            except Broken as broken:
                if stream is not None:
                    raise
                if attempt >= ATTEMPTS or not (broken.connected or self._met):
                    raise self.unreachable(subject, broken) from None
                self.pause(attempt, broken.wait)
                attempt += 1

    def fetch(
        self,
        target: str,
        *,
        subject: str,
        limit: int,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, bytes]:
        """A GET whose whole body of at most `limit` bytes is read, again from the start when it breaks off.

        The body is b"" for any status but 200. Raises Corrupt when it is longer, of which no more than the limit is
        ever read, and what `ask` raises.
        """
        for attempt in range(1, ATTEMPTS + 1):
            answer = self.ask("GET", target, subject=subject, scopes=scopes, headers=headers)
            if answer.status != 200:
                return answer, b""
            try:
                return answer, _limited(answer, limit, subject)
            except Broken as broken:
                if attempt == ATTEMPTS:
                    raise self.unreachable(subject, broken) from None
                self.pause(attempt)
        raise AssertionError("the last attempt returns or raises")

    def base(self, subject: str) -> str:
        """`scheme://host` of the API. Where the scheme is open it is found out by asking. Raises Unavailable."""
        if not self._base:
            if self.registry.loopback:
                self._base = self._first_that_answers(("http", "https"), subject)
            elif self.registry.insecure:
                self._base = self._first_that_answers(("https", "http"), subject)
            else:
                self._base = f"https://{self.registry.host}"
        return self._base

    def allows(self, url: str) -> bool:
        """Whether a URL may be asked: https, and plain http for an insecure registry, or on this machine for ours."""
        try:
            parts = urlsplit(url)
            origin(url)
        except ValueError:
            return False
        if parts.scheme == "http":
            return self.registry.insecure or (self.registry.loopback and is_loopback(parts.netloc.rpartition("@")[2]))
        return parts.scheme == "https"

    def pause(self, attempt: int, at_least: float = 0.0) -> None:
        """Waits before the next attempt."""
        self._backoff.pause(attempt, at_least)

    def unreachable(self, subject: str, broken: Broken) -> OcipipeError:
        """The error for a registry that can't be talked to, or not any longer."""
        host = broken.host or self.host
        if broken.certificate:
            return Unavailable(
                subject,
                f"cannot trust {host}: {broken.problem}",
                "put its CA certificate into --cert-dir, or use --tls-verify=false",
            )
        if broken.connected:
            return Unavailable(subject, f"lost {host}: {broken.problem}", "try again")
        return Unavailable(
            subject, f"cannot reach {host}: {broken.problem}", "check the address and that the registry is up"
        )

    def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        private: Mapping[str, str],
        body: bytes | Body | None,
        subject: str,
    ) -> Answer:
        """One exchange with the redirects that it meets; `private` headers stay with the origin of `url`.

        A body is not sent to another origin: such a redirect is returned. Raises Broken, Denied, Unavailable.
        """
        first = origin(url)
        for _ in range(_MOST_REDIRECTS):
            own = origin(url) == first
            answer = self._send(method, url, {**headers, **private} if own else headers, body)
            place = answer.headers.get("Location", "")
            if answer.status not in _REDIRECTS or not place:
                return answer
            url = self._absolute(answer.url, place)
            if body is not None and (not isinstance(body, bytes) or origin(url) != first):
                return answer
            answer.close()
            if not self.allows(url):
                raise Denied(subject, f"{self.host} redirects to {shown(url)}, which is not https", "ask who runs it")
            if answer.status == 303 and method != "HEAD":
                method, body = "GET", None
        raise Unavailable(subject, f"{self.host} redirects without end", "ask who runs the registry")

    def _absolute(self, current: str, place: str) -> str:
        """`place` as a URL, seen from `current`.

        Behind a proxy that ends TLS, registries often name themselves with http: that is not followed down.
        """
        base = self._base
        try:
            url = urljoin(current, place)
            if base.startswith("https:") and url.startswith("http:") and same_host(url, base):
                url = "https:" + url.removeprefix("http:")
            origin(url)
        except ValueError:
            raise Unavailable(
                self.registry.name, "it names a place that is no URL", "ask who runs the registry"
            ) from None
        return url

    def _first_that_answers(self, schemes: tuple[str, str], subject: str) -> str:
        for attempt in range(1, ATTEMPTS + 1):
            first: Broken | None = None
            for scheme in schemes:
                try:
                    if self._answers(scheme):
                        return f"{scheme}://{self.registry.host}"
                except Broken as broken:
                    # The reason that counts is that of TLS where there is TLS, else of the first scheme.
                    first = broken if first is None or broken.certificate else first
            if first is not None and (first.certificate or not first.connected):
                raise self.unreachable(subject, first)
            self.pause(attempt)
        raise self.unreachable(subject, first or Broken("it answers neither http nor https", connected=False))

    def _answers(self, scheme: str) -> bool:
        """Whether the registry speaks this scheme; one that wants TLS may say so over plain HTTP."""
        answer = self._send("GET", f"{scheme}://{self.registry.host}{distribution.PING}", _NOBODY, None)
        try:
            return not (scheme == "http" and answer.status == 400 and b"HTTPS" in answer.some())
        finally:
            answer.close()

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | Body | None) -> Answer:
        if self._transport is None:
            from .transport import Transport

            self._transport = Transport(self.registry, self._env)
        try:
            return self._transport.send(method, url, headers, body)
        except Broken as broken:
            broken.host = urlsplit(url).netloc.rpartition("@")[2]
            raise

    def _fetch_token(self, method: str, url: str, headers: Mapping[str, str], form: bytes | None) -> tuple[int, bytes]:
        """The Authenticator's way out: a token service's status and body. Raises Unavailable, Corrupt, Denied."""
        subject = self.registry.name
        for attempt in range(1, ATTEMPTS + 1):
            wait = 0.0
            try:
                kind = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else _NOBODY
                answer = self._follow(method, url, kind, headers, form, subject)
                wait = retry_after(answer.headers)
                if answer.status not in PASSING or attempt == ATTEMPTS or wait > PATIENCE:
                    return answer.status, _limited(answer, _TOKEN_LIMIT, f"{subject}'s token service")
                answer.close()
            except Broken as broken:
                if attempt == ATTEMPTS or not broken.connected:
                    raise Unavailable(
                        subject, f"cannot reach its token service {shown(url)}: {broken.problem}", "try again later"
                    ) from None
            self.pause(attempt, wait)
        raise AssertionError("the last attempt returns or raises")


def _limited(answer: Answer, limit: int, subject: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in answer.chunks():
        size += len(chunk)
        if size > limit:
            answer.close()
            raise Corrupt(
                subject, f"the answer is longer than the {limit} bytes that it may have", "ask who runs the registry"
            )
        parts.append(chunk)
    return b"".join(parts)
