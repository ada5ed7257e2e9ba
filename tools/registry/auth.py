"""Authentication as registries ask for it (distribution-spec 1.1; the token protocol of the distribution project).

A registry answers 401 with challenges; Basic is answered with the credential itself, Bearer with a token that the
challenge's realm issues for a scope. Tokens are kept by scope until shortly before they expire.
"""

from __future__ import annotations

import binascii
import time

from oci_spec import distribution, jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Denied, Unavailable
from .settings import is_loopback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oci_spec.distribution import Challenge

    from .credentials import Credential

    Fetch = Callable[..., tuple[int, bytes]]
    """(method, url, headers, form) -> status and body of a token request."""

CLIENT_ID = "ocipipe"
_DEFAULT_EXPIRY = 60.0
"""Seconds a token lives when the answer doesn't say (distribution's token specification)."""
_MARGIN = 5.0


class Authenticator:
    """Answers one registry's challenges with one user's credential. Thread-safe: at worst a token is fetched twice."""

    def __init__(self, subject: str, credential: Credential | None, fetch: Fetch, *, insecure: bool = False) -> None:
        self._subject = subject
        self._credential = credential
        self._fetch = fetch
        self._insecure = insecure
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}

    def headers(self, scopes: tuple[str, ...]) -> dict[str, str]:
        """What to send with a request that needs `scopes`, as far as the registry's wishes are known yet."""
        if self._challenge is None:
            return {}
        if self._challenge.scheme.lower() == "basic":
            return {"Authorization": f"Basic {self._basic()}"} if self._credential else {}
        kept = self._tokens.get(scopes)
        if kept is None or kept[1] < time.monotonic():
            kept = self._tokens[scopes] = self._token(self._challenge.params, scopes)
        return {"Authorization": f"Bearer {kept[0]}"} if kept[0] else {}

    def challenged(self, header: str, scopes: tuple[str, ...]) -> bool:
        """Takes a 401's WWW-Authenticate; False when nothing that it asks for can be answered.

        Raises Denied, Unavailable when a token is refused.
        """
        try:
            offered = {challenge.scheme.lower(): challenge for challenge in distribution.parse_challenges(header)}
        except FormatError:
            return False
        chosen = offered.get("bearer") or offered.get("basic")
        if chosen is None or (chosen.scheme.lower() == "basic" and self._credential is None):
            return False
        self._challenge = chosen
        self._tokens.pop(scopes, None)
        return True

    def _basic(self) -> str:
        credential = self._credential
        text = f"{credential.username}:{credential.password}" if credential else ":"
        return binascii.b2a_base64(text.encode(), newline=False).decode()

    def _token(self, params: Mapping[str, str], scopes: tuple[str, ...]) -> tuple[str, float]:
        from urllib.parse import urlencode, urlsplit

        realm = params.get("realm", "")
        parts = urlsplit(realm)
        if parts.scheme != "https" and not (parts.scheme == "http" and (self._insecure or is_loopback(parts.netloc))):
            raise Denied(self._subject, f"its token service {realm or '(none)'} is not reached by https", "")
        credential = self._credential
        service = params.get("service", "")
        if credential is not None and credential.identity_token:
            form = {
                "grant_type": "refresh_token",
                "service": service,
                "scope": " ".join(scopes),
                "client_id": CLIENT_ID,
                "refresh_token": credential.identity_token,
            }
            status, body = self._fetch("POST", realm, {}, form)
        else:
            query = [("service", service)] * bool(service) + [("scope", scope) for scope in scopes]
            headers = {}
            if credential is not None:
                query.append(("account", credential.username))
                headers["Authorization"] = f"Basic {self._basic()}"
            status, body = self._fetch("GET", f"{realm}{'&' if parts.query else '?'}{urlencode(query)}", headers, None)
        if status in (400, 401, 403):
            raise Denied(self._subject, f"the token service refused with status {status}", "log in with reg-login")
        if status != 200:
            raise Unavailable(self._subject, f"the token service answered with status {status}", "try again later")
        try:
            answer = jsondoc.load_object(body, "token answer")
        except FormatError as error:
            raise Unavailable(self._subject, f"the token service sent no token: {error.problem}") from None
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str):
            raise Unavailable(self._subject, "the token service sent no token")
        lifetime = answer.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, (int, float)) and lifetime > 0 else _DEFAULT_EXPIRY
        return token, time.monotonic() + max(seconds - _MARGIN, 1.0)
